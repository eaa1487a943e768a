// SPDX-License-Identifier: GPL-2.0-or-later
// Several trees under the one rwsem: i_mmap points to an array of bare trees.
#include "primitives.h"
#define I_MMAP struct rb_root_cached *i_mmap; struct rw_semaphore i_mmap_rwsem;
#define VMA_TREE int tree_idx;
#include "kernel.h"
