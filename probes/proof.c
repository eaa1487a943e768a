/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tree's lock that nobody has learnt proves itself, for whoever waits for it: a file that was
 * mapped before the session may be locked by walkers alone.
 * Cost: for each wait on a foreign rwsem one to five reads.
 */
/* lock -> its tree's root -> the VMA there -> its file's mapping, which must have this very tree. */
static __always_inline bool prove_tree_lock(u64 sem, struct lock *lock)
{
	u64 tree = sem - OFF_TREE_RWSEM;
	u64 root = read_u64(tree + OFF_TREE_ROOT);
	struct tree found = {};
	u64 vma, mapping, inode;

	if (!root || !TREES_CAN_PROVE)
		return false;
	vma = root - OFF_VMA_RB;
	mapping = mapping_of(vma);
	inode = inode_of_mapping(mapping);
	if (!inode)
		return false;
	find_tree(&found, vma, mapping, tree + OFF_TREE_ROOT);
	if (tree_at(mapping, found.shard) != tree)
		return false;
	learn_locks(inode);
	lock->inode = inode;
	lock->shard = found.shard;
	return true;
}
