// SPDX-License-Identifier: GPL-2.0-or-later
// No layout that is known: split, but a lock over the whole mapping is still there, of another kind.
#include "primitives.h"
struct i_mmap_tree {
	struct rb_root_cached root;
	struct rw_semaphore rwsem;
};
struct percpu_rw_semaphore { struct rw_semaphore rw_sem; };
#define I_MMAP struct i_mmap_tree **i_mmap; struct percpu_rw_semaphore i_mmap_rwsem;
#define VMA_TREE int tree_idx;
#include "kernel.h"
