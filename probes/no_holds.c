/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Contention mode remembers no holds: a wait is complete when its slow path returns, and what it
 * was for comes from its stack. Cost: nothing.
 */
static __always_inline void wait_begins(u64 sem, u32 task, u32 slot, bool of_tree, enum side side) {}

static __always_inline bool wait_ends(struct wait *wait, u32 task, u64 now)
{
	return false;
}

static __always_inline u32 note_change(u64 sem, enum tree_operation change)
{
	return NO_FILE;
}

static __always_inline void note_change_of_tree(u64 sem, u32 slot, enum tree_operation change) {}
