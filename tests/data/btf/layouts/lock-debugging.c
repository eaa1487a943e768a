// SPDX-License-Identifier: GPL-2.0-or-later
// One tree, one rwsem, with CONFIG_DEBUG_LOCK_ALLOC and CONFIG_DEBUG_RWSEMS.
#define RW_SEMAPHORE \
	atomic_long_t count; atomic_long_t owner; void *magic; struct lockdep_map dep_map;
#include "primitives.h"
#define I_MMAP struct rb_root_cached i_mmap; struct rw_semaphore i_mmap_rwsem;
#include "kernel.h"
void down_write_nested(struct rw_semaphore *sem, int subclass) { (void)sem, (void)subclass; }
void down_read_nested(struct rw_semaphore *sem, int subclass) { (void)sem, (void)subclass; }
void _down_write_nest_lock(struct rw_semaphore *sem, struct lockdep_map *nest)
{
	(void)sem, (void)nest;
}
