/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one tree of a file is i_mmap itself. Cost: nothing. */
struct tree {
	u64 root;
	u64 shard;
};

static __always_inline u64 mapping_of_tree(u64 root)
{
	return root - OFF_MAPPING_I_MMAP;
}

static __always_inline void find_tree(struct tree *tree, u64 vma, u64 mapping, u64 root)
{
	tree->root = mapping + OFF_MAPPING_I_MMAP;
	tree->shard = 0;
}

static __always_inline bool trees_are_few(void)
{
	return true;
}

static __always_inline void note_shards(struct control *now)
{
	now->shards = 1;
}
