/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The trees of a file, which i_mmap is an array of or leads to: inside the mapping or allocated,
 * the elements trees or pointers to them. Cost: at most two reads to get from a number to a tree.
 */
#define FEW_SHARDS 32

struct tree {
	u64 root;
	u64 shard;
};

static __always_inline u64 first_element(u64 mapping)
{
	u64 i_mmap = mapping + OFF_MAPPING_I_MMAP;

	return TREES_INSIDE ? i_mmap : read_u64(i_mmap);
}

static __always_inline u64 tree_at(u64 mapping, u64 shard)
{
	u64 element = first_element(mapping) + shard * TREE_STRIDE;

	return TREES_ARE_POINTERS ? read_u64(element) : element;
}

/* A VMA says in which tree it is, or the tree does by where it lies; see docs/layouts.md. */
static __always_inline void find_tree(struct tree *tree, u64 vma, u64 mapping, u64 root)
{
	if (SHARD_IS_STORED)
		bpf_probe_read_kernel(&tree->shard, SIZE_VMA_TREE_IDX, (void *)(vma + OFF_VMA_TREE_IDX));
	tree->root = root ? root : tree_at(mapping, tree->shard) + OFF_TREE_ROOT;
	if (!SHARD_IS_STORED)
		tree->shard = (tree->root - OFF_TREE_ROOT - first_element(mapping)) / TREE_STRIDE;
}

/* How many trees a file has: what the kernel's own variable says, else up to an empty element. */
static __always_inline u64 shards_of_kernel(void)
{
	u64 shards = SHARD_COUNT_ADDRESS ? read_u32(SHARD_COUNT_ADDRESS) : MOST_SHARDS;

	return shards < MOST_SHARDS ? shards : MOST_SHARDS;
}

/* Few enough that each of a file's trees can have a slot, whether or not somebody waits for it. */
static __always_inline bool trees_are_few(void)
{
	return shards_of_kernel() <= FEW_SHARDS;
}

static __always_inline void note_shards(struct control *now)
{
	if (SHARDS_ARE_KNOWN)
		now->shards = shards_of_kernel();
}
