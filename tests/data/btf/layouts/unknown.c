// SPDX-License-Identifier: GPL-2.0-or-later
// No layout that is known: a spinlock for each tree. And a kernel that lacks things.
#include "primitives.h"
struct i_mmap_tree {
	spinlock_t lock;
	struct rb_root_cached root;
};
#define I_MMAP struct i_mmap_tree i_mmap[4]; struct rw_semaphore i_mmap_rwsem;
#define NO_SLOW_PATHS
#include "kernel.h"
