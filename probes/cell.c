/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cells: what the CPUs of one node did to one file's lock, as far as it needs no row of its own.
 * Cost: one atomic add for each event; a lock's cells are as local to a node as its holders are.
 */
#define OPERATIONS 8
#define LOSS_REASONS 12
enum lost {
	LOST_HELD_FULL,
	LOST_WAITING_FULL,
	LOST_EXIT_MISSED,
	LOST_RELEASE_MISSED,
	LOST_RETURN_MISSED,
	LOST_ROWS_FULL_WAIT,
	LOST_ROWS_FULL_ACQUISITION,
	LOST_STACK_UNREADABLE,
	LOST_STACK_COLLIDED,
	LOST_STACKS_FULL,
	LOST_RELEASE_MISSED_WAIT,
};

/* What one node's CPUs did to one file's lock without waiting. */
struct cell {
	u64 entered[UNITS];
	u64 failed_trylocks;
	u64 tree[TREE_OPERATIONS];
	u64 lost[LOSS_REASONS];
	u64 acquired[OPERATIONS];
	u64 hold_ns[OPERATIONS];
};
BPF_F_TABLE("array", u32, struct cell, cells, CELLS, BPF_F_MMAPABLE);

static __always_inline struct cell *cell_of(u32 slot, u32 node)
{
	u32 index = node * FILES + slot;

	return cells.lookup(&index);
}

/* What entered for one file is counted for another, or for none. */
static __always_inline void move_entered(u32 from, u32 to, u32 node, enum unit unit)
{
	struct cell *left = cell_of(from, node), *right = cell_of(to, node);

	if (from == to || !left || !right)
		return;
	count(&left->entered[unit], -1);
	count(&right->entered[unit], 1);
}

static __always_inline void count_lost(u32 slot, u32 node, enum lost reason)
{
	struct cell *cell = cell_of(slot, node);

	if (cell)
		count(&cell->lost[reason], 1);
}
