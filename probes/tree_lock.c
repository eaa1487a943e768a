/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks of trees have no way back to their file, so they are learnt: all of a file's at the first
 * change of one of its trees, or when one proves itself by the VMA at its tree's root. An address
 * that is used again is found out: the file it was learnt for must still have it where it was.
 * Cost: a foreign rwsem one look at a bit; a known lock one lookup and at most three reads.
 */
BPF_TABLE("hash", u64, struct lock, locks, LOCKS);

/* Which addresses may be in there: nearly every rwsem of a machine is not. */
#define FILTER_WORDS 4096
BPF_ARRAY(lock_filter, u64, FILTER_WORDS);

#define FILTER_BIT(sem) ((((sem) >> 3) * 0x9e3779b97f4a7c15ULL) >> 46)

static __always_inline bool may_be_tree_lock(u64 sem)
{
	u64 bit = FILTER_BIT(sem);
	u32 index = bit >> 6;
	u64 *word = lock_filter.lookup(&index);

	return word && *word >> (bit & 63) & 1;
}

static __always_inline u64 tree_lock_at(u64 inode, u64 shard)
{
	return tree_at(inode + OFF_INODE_I_DATA, shard) + OFF_TREE_RWSEM;
}

static __always_inline bool find_tree_lock(u64 sem, struct lock *lock)
{
	struct lock *known;

	if (!may_be_tree_lock(sem))
		return false;
	known = locks.lookup(&sem);
	if (!known)
		return false;
	*lock = *known;
	return inode_of_mapping(lock->inode + OFF_INODE_I_DATA) == lock->inode &&
	       tree_lock_at(lock->inode, lock->shard) == sem;
}

static __always_inline void remember_lock(u64 sem, u64 inode, u64 shard)
{
	struct lock lock = {.inode = inode, .shard = shard};
	u64 bit = FILTER_BIT(sem);
	u32 index = bit >> 6, zero = 0;
	u64 *word = lock_filter.lookup(&index);
	struct control *now = control.lookup(&zero);

	/* Without room a wait costs a proof and no event is lost; see docs/layouts.md. */
	if (now && !now->locks_full && locks.update(&sem, &lock))
		now->locks_full = 1;
	if (word && !(*word >> (bit & 63) & 1))
		__sync_fetch_and_or(word, 1ULL << (bit & 63));
}

static __always_inline void learn_locks(u64 inode)
{
	u64 mapping = inode + OFF_INODE_I_DATA;
	u64 shards = shards_of_kernel();
	u32 zero = 0;
	struct control *now = control.lookup(&zero);
	u64 shard;

	for (shard = 0; shard < MOST_SHARDS; shard++) {
		u64 tree;

		if (shard >= shards)
			break;
		tree = tree_at(mapping, shard);
		if (!tree)
			break;
		remember_lock(tree + OFF_TREE_RWSEM, inode, shard);
	}
	if (now && now->shards < shard)
		now->shards = shard;
}

/* The lock of the tree that is being changed, which is known from now on. */
static __always_inline u64 know_tree_lock(u64 inode, struct tree *tree)
{
	u64 sem = tree->root - OFF_TREE_ROOT + OFF_TREE_RWSEM;
	struct lock *known = locks.lookup(&sem);

	if (!known || known->inode != inode || known->shard != tree->shard) {
		learn_locks(inode);
		remember_lock(sem, inode, tree->shard);
	}
	return sem;
}

/* The lock that a sweep took before this one; 0 where a sweep begins. */
static __always_inline u64 lock_before(struct lock *lock)
{
	return lock->shard && lock->shard != NO_SHARD ? tree_lock_at(lock->inode, lock->shard - 1) : 0;
}

/* __destroy_inode(): what it frees may next be another file's, or no lock at all. */
static __always_inline int forget_locks(u64 inode)
{
	u64 mapping = inode + OFF_INODE_I_DATA;
	u64 shards = shards_of_kernel();
	u32 zero = 0;
	struct control *now = control.lookup(&zero);

	if (!now || !may_be_tree_lock(tree_lock_at(inode, 0)))
		return 0;
	for (u64 shard = 0; shard < MOST_SHARDS; shard++) {
		u64 tree, sem;

		if (shard >= shards)
			break;
		tree = tree_at(mapping, shard);
		if (!tree)
			break;
		/* Whosever it was, it is gone: no branch, of which the verifier would follow both ways. */
		sem = tree + OFF_TREE_RWSEM;
		locks.delete(&sem);
	}
	now->locks_full = 0;
	return 0;
}
