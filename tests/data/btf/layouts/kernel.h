/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel in miniature. Before it is included: primitives.h, and I_MMAP, the members of
 * address_space that a layout is made of. VMA_TREE: what it adds to vm_area_struct.
 */
struct inode;
struct dentry;

struct address_space {
	struct inode *host;
	I_MMAP
	unsigned long nrpages;
};

struct super_block { u32 s_dev; };
struct hlist_node { struct hlist_node *next, **pprev; };
struct hlist_head { struct hlist_node *first; };

struct inode {
	struct super_block *i_sb;
	u64 i_ino;
	union { const u32 i_nlink; u32 __i_nlink; };
	u32 i_generation;
	union { struct hlist_head i_dentry; void *i_rcu; };
	struct address_space i_data;
};

struct qstr { u64 hash_len; const unsigned char *name; };
struct dentry {
	struct dentry *d_parent;
	union { struct qstr __d_name; const struct qstr d_name; };
	struct inode *d_inode;
	union { struct hlist_node d_alias; void *d_rcu; };
};

struct path { void *mnt; struct dentry *dentry; };
struct file {
	struct address_space *f_mapping;
	union { const struct path f_path; struct path __f_path; };
};

struct vm_area_struct {
	unsigned long vm_start, vm_end;
	struct file *vm_file;
#ifdef VMA_TREE
	VMA_TREE
#endif
};

enum rwsem_waiter_type { RWSEM_WAITING_FOR_WRITE, RWSEM_WAITING_FOR_READ };
struct thread_info { unsigned long flags; u32 cpu; };
struct task_struct {
	struct thread_info thread_info;
	int pid;
	unsigned in_execve : 1;
	enum rwsem_waiter_type *waiting;
	struct { int i; } *nameless;
};

union spelled_union { int i; };
struct spelled {
	union spelled_union *of_union;
	enum rwsem_waiter_type of_enum;
	void (*of_function)(void);
	volatile int of_volatile;
	const char *const of_const[2];
};

void down_write(struct rw_semaphore *sem) { (void)sem; }
void down_read(struct rw_semaphore *sem) { (void)sem; }
int down_write_trylock(struct rw_semaphore *sem) { return !!sem; }
int down_read_trylock(struct rw_semaphore *sem) { return !!sem; }
void up_write(struct rw_semaphore *sem) { (void)sem; }
#ifndef STRANGE_FUNCTIONS
void up_read(struct rw_semaphore *sem) { (void)sem; }
#else
void up_read(struct address_space *mapping) { (void)mapping; }
#endif

#ifndef NO_SLOW_PATHS
struct rw_semaphore *rwsem_down_write_slowpath(struct rw_semaphore *sem, int state)
{
	return state ? sem : 0;
}
struct rw_semaphore *rwsem_down_read_slowpath(struct rw_semaphore *sem, long count, u32 state)
{
	return count && state ? sem : 0;
}
#endif

#ifndef STRANGE_FUNCTIONS
void vma_interval_tree_insert(struct vm_area_struct *node, struct rb_root_cached *root)
{
	(void)node, (void)root;
}
#else
void vma_interval_tree_insert(struct vm_area_struct *first, struct vm_area_struct *second)
{
	(void)first, (void)second;
}
#endif
void vma_interval_tree_insert_after(struct vm_area_struct *node, struct vm_area_struct *prev,
				    struct rb_root_cached *root)
{
	(void)node, (void)prev, (void)root;
}
void vma_interval_tree_remove(struct vm_area_struct *node, struct rb_root_cached *root)
{
	(void)node, (void)root;
}
