// SPDX-License-Identifier: GPL-2.0-or-later
// One tree, one rwsem, with CONFIG_PREEMPT_RT: as in include/linux/rwsem.h of 6.12.
#define RW_SEMAPHORE struct rwbase_rt rwbase;
#include "primitives.h"
#define I_MMAP struct rb_root_cached i_mmap; struct rw_semaphore i_mmap_rwsem;
#define NO_SLOW_PATHS
#include "kernel.h"
