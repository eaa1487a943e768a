/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tree operations: what inserts into and removes from a file's tree, counted for the node whose
 * CPU did it. Cost: five reads, four for a remove, two more where the function is not given the
 * root or the mapping; one file lookup, one atomic add; where trees have locks, one lookup of
 * theirs; where only waits claim slots, two more reads and a lookup for a file of several trees that
 * has none. In full mode one lookup of each hold that it happens in, which in place of reads and
 * file tells the slot where a file has one tree.
 */
/*
 * How many VMAs the tree has is known from each time that it is seen empty. Its lock is held
 * for writing here, so one task at a time counts.
 */
static __always_inline void count_vmas(u64 root, u32 slot, enum tree_operation change)
{
	struct file *file = slot != NO_FILE ? files.lookup(&slot) : NULL;

	if (!file)
		return;
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

/*
 * Where only waits claim slots, a file of several trees that somebody waited for has one for the
 * whole of it: by that its trees get theirs where they are few, or else are counted in it.
 */
static __always_inline u32 slot_of_change(u64 inode, u64 shard, bool *of_tree)
{
	struct identity known = {};
	u32 slot, whole = NO_FILE;

	identify(inode, &known);
	slot = slot_of_known(inode, &known, shard, CLAIM_EARLY);
	if (!ONE_TREE && !CLAIM_EARLY && slot == NO_FILE)
		whole = slot_of_known(inode, &known, NO_SHARD, false);
	if (whole != NO_FILE && trees_are_few())
		slot = slot_of_known(inode, &known, shard, true);
	*of_tree = slot != NO_FILE;
	if (slot == NO_FILE)
		slot = whole;
	note_links(slot, &known);
	return slot;
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

/* `behind`: the VMA that insert_after puts it behind, else 0. */
static __always_inline int
change_tree(u64 vma, u64 mapping, u64 root, u64 behind, enum tree_operation change)
{
	u64 lock = mapping + OFF_MAPPING_I_MMAP_RWSEM, inode, sem = 0;
	bool open = running(), of_tree = true;
	struct tree tree = {};
	u32 slot = NO_FILE;
	struct cell *cell;

	if (!open && !learning())
		return 0;
	/* The lock over a file's one tree has proved itself, and has the slot, since it was asked for. */
	if (open && MAPPING_LOCK)
		slot = note_change(lock, change);
	find_tree(&tree, vma, mapping, root);
	if (!ONE_TREE || slot == NO_FILE) {
		inode = inode_of_mapping(mapping);
		if (!inode)
			return 0;
		sem = know_tree_lock(inode, &tree);
		if (!open)
			return learn(inode, &tree);
		slot = slot_of_change(inode, tree.shard, &of_tree);
	}
	if (of_tree)
		count_vmas(tree.root, slot, change);
	cell = cell_of(slot, bpf_get_numa_node_id());
	if (cell)
		count(&cell->tree[change], 1);
	if (sem)
		note_change_of_tree(sem, slot, change);
	record_change(sem ? sem : lock, slot, vma, behind, change);
	return 0;
}
