// SPDX-License-Identifier: GPL-2.0-or-later
// As tree-only, but the array is inside address_space, of pointers to trees that carry a count.
#include "primitives.h"
struct i_mmap_tree {
	atomic_t vma_count;
	struct rb_root_cached root;
};
#define I_MMAP struct i_mmap_tree *i_mmap[16]; struct rw_semaphore i_mmap_rwsem;
#define VMA_TREE unsigned char tree_idx;
#include "kernel.h"
