/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tree operations: what inserts into and removes from a file's tree, counted for the node whose
 * CPU did it. Cost: three to six reads, one file lookup, one atomic add; in full mode one lookup
 * of the hold that it happens in.
 */
static __always_inline u64 mapping_of(u64 vma)
{
	return read_u64(read_u64(vma + OFF_VMA_VM_FILE) + OFF_FILE_F_MAPPING);
}

/*
 * How many VMAs the tree has is known from each time that it is seen empty. Its lock is held
 * for writing here, so one task at a time counts.
 */
static __always_inline void count_vmas(u64 mapping, struct file *file, enum tree_operation change)
{
	if (change == REMOVE) {
		file->vmas--;
		return;
	}
	if (!read_u64(mapping + OFF_MAPPING_I_MMAP)) {
		file->vmas = 0;
		file->vmas_known = 1;
	}
	file->vmas++;
}

static __always_inline int change_tree(u64 mapping, enum tree_operation change)
{
	u64 sem = mapping + OFF_MAPPING_I_MMAP_RWSEM;
	struct file *file;
	struct cell *cell;
	u64 inode;
	u32 slot;

	if (!running() && !learning())
		return 0;
	inode = inode_of_lock(sem);
	if (!inode)
		return 0;
	if (!running())
		return learn(slot_of(inode, true));
	slot = slot_of(inode, CLAIM_EARLY);
	file = note_file(inode, slot);
	if (file)
		count_vmas(mapping, file, change);
	cell = cell_of(slot, bpf_get_numa_node_id());
	if (cell)
		count(&cell->tree[change], 1);
	note_change(sem, change);
	return 0;
}
