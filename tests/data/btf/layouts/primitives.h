/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every description here is made of: only names, types and nesting are like the kernel's. */
typedef unsigned int u32;
typedef unsigned long long u64;
typedef struct { long counter; } atomic_long_t;
typedef struct { int counter; } atomic_t;
typedef struct { int slock; } spinlock_t;

struct rb_node { struct rb_node *rb_left, *rb_right; };
struct rb_root { struct rb_node *rb_node; };
struct rb_root_cached { struct rb_root rb_root; struct rb_node *rb_leftmost; };

#ifndef RW_SEMAPHORE
#define RW_SEMAPHORE atomic_long_t count; atomic_long_t owner;
#endif
struct lockdep_map { const char *name; };
struct rwbase_rt { int readers; };
struct rw_semaphore { RW_SEMAPHORE };
