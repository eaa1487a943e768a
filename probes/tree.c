/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tree operations: what inserts into and removes from a file's tree, counted for the node whose
 * CPU did it. Cost: three to six reads, one file lookup, one atomic add; in full mode one lookup
 * of each hold that it happens in; where trees have locks, one of theirs.
 */
/*
 * How many VMAs the tree has is known from each time that it is seen empty. Its lock is held
 * for writing here, so one task at a time counts.
 */
static __always_inline void count_vmas(u64 root, struct file *file, enum tree_operation change)
{
	if (change == REMOVE) {
		file->vmas--;
		return;
	}
	if (!read_u64(root)) {
		file->vmas = 0;
		file->vmas_known = 1;
	}
	file->vmas++;
}

static __always_inline int learn(u64 inode, struct tree *tree)
{
	u32 zero = 0;
	struct control *now = control.lookup(&zero);

	if (!now)
		return 0;
	note_shards(now);
	now->learnt_shard = tree->shard;
	if (!now->places_only)
		now->learnt = slot_of(inode, tree->shard, true);
	return 0;
}

static __always_inline int change_tree(u64 vma, u64 mapping, u64 root, enum tree_operation change)
{
	struct tree tree = {};
	struct file *file;
	struct cell *cell;
	u64 inode, sem;
	u32 slot;

	if (!running() && !learning())
		return 0;
	inode = inode_of_mapping(mapping);
	if (!inode)
		return 0;
	find_tree(&tree, vma, mapping, root);
	sem = know_tree_lock(inode, &tree);
	if (!running())
		return learn(inode, &tree);
	slot = slot_of(inode, tree.shard, CLAIM_EARLY);
	file = note_file(inode, slot);
	if (file)
		count_vmas(tree.root, file, change);
	cell = cell_of(slot, bpf_get_numa_node_id());
	if (cell)
		count(&cell->tree[change], 1);
	if (MAPPING_LOCK)
		note_change(mapping + OFF_MAPPING_I_MMAP_RWSEM, change);
	if (sem)
		note_change_of_tree(sem, slot, change);
	return 0;
}
