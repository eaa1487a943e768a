/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Trees have no locks of their own. Cost: nothing. */
static __always_inline bool find_tree_lock(u64 sem, struct lock *lock)
{
	return false;
}

static __always_inline bool prove_tree_lock(u64 sem, struct lock *lock)
{
	return false;
}

static __always_inline u64 know_tree_lock(u64 inode, struct tree *tree)
{
	return 0;
}

static __always_inline u64 lock_before(struct lock *lock)
{
	return 0;
}

static __always_inline bool may_be_tree_lock(u64 sem)
{
	return false;
}
