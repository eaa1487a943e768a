// SPDX-License-Identifier: GPL-2.0-or-later
// Trees with a rwsem each in a plain array, under i_mmap_rwsem; a VMA's tree is a hash, not stored.
#include "primitives.h"
struct i_mmap_tree {
	struct rw_semaphore rwsem;
	struct rb_root_cached root;
};
#define I_MMAP struct rw_semaphore i_mmap_rwsem; struct i_mmap_tree i_mmap[8];
#include "kernel.h"
