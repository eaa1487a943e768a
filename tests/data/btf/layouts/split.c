// SPDX-License-Identifier: GPL-2.0-or-later
// A tree and a rwsem for each shard: i_mmap points to an array of pointers to them.
#include "primitives.h"
struct i_mmap_tree {
	struct rb_root_cached root;
	struct rw_semaphore rwsem;
	atomic_t vma_count;
};
#define I_MMAP struct i_mmap_tree **i_mmap; atomic_t vma_count;
#define VMA_TREE int tree_idx;
#include "kernel.h"
