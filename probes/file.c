/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files: whose lock is this, and which slot counts for it.
 * Cost: a foreign rwsem leaves after one read; an i_mmap lock takes four more reads and one hash
 * lookup, and once in a file's life the claim of a slot with a copy of its name.
 */
struct file_key {
	u64 number;
	u32 device;
	u32 generation;
};

/* Slot 0 counts for the files beyond the slots: attributed to no inode, but not lost. */
#define NO_FILE 0

struct file {
	struct file_key key;
	u64 named;
	u64 deleted;
	u64 vmas;
	u64 vmas_known;
	char name[256];
};
BPF_F_TABLE("array", u32, struct file, files, FILES, BPF_F_MMAPABLE);
BPF_TABLE("hash", struct file_key, u32, file_index, FILES);

#define OPERATIONS 8
#define LOSS_REASONS 12
enum lost {
	LOST_HELD_FULL,
	LOST_WAITING_FULL,
	LOST_EXIT_MISSED,
	LOST_RELEASE_MISSED,
	LOST_RETURN_MISSED,
	LOST_ROWS_FULL_WAIT,
	LOST_ROWS_FULL_ACQUISITION,
	LOST_STACK_UNREADABLE,
	LOST_STACK_COLLIDED,
	LOST_STACKS_FULL,
	LOST_RELEASE_MISSED_WAIT,
};
enum tree_operation { INSERT, INSERT_AFTER, REMOVE, TREE_OPERATIONS };

/* What one node's CPUs did to one file's lock without waiting. */
struct cell {
	u64 entered[UNITS];
	u64 failed_trylocks;
	u64 tree[TREE_OPERATIONS];
	u64 lost[LOSS_REASONS];
	u64 acquired[OPERATIONS];
	u64 hold_ns[OPERATIONS];
};
BPF_F_TABLE("array", u32, struct cell, cells, CELLS, BPF_F_MMAPABLE);

/*
 * The lock proves itself: the mapping that would hold it names a host inode, and that inode's
 * i_data would put the lock at just this address. An inode's i_rwsem and invalidate_lock do not.
 */
static __always_inline u64 inode_of_lock(u64 sem)
{
	u64 host = read_u64(sem - OFF_MAPPING_I_MMAP_RWSEM + OFF_MAPPING_HOST);

	return host + OFF_INODE_I_DATA + OFF_MAPPING_I_MMAP_RWSEM == sem ? host : 0;
}

static __always_inline void copy_name(struct file *file, u64 inode)
{
	u64 alias = read_u64(inode + OFF_INODE_I_DENTRY);
	u64 name;

	if (!alias)
		return;
	name = read_u64(alias - OFF_DENTRY_D_ALIAS + OFF_DENTRY_D_NAME);
	if (bpf_probe_read_kernel_str(file->name, sizeof(file->name), (void *)name) > 0)
		file->named = 1;
}

static __always_inline u32 claim_file(u64 inode, struct file_key *key)
{
	u32 zero = 0, slot;
	struct control *now = control.lookup(&zero);
	struct file *file;
	u32 *winner;

	if (!now || now->next_file >= FILES)
		return NO_FILE;
	slot = __sync_fetch_and_add(&now->next_file, 1);
	file = files.lookup(&slot);
	if (!file)
		return NO_FILE;
	file->key = *key;
	copy_name(file, inode);
	if (!file_index.insert(key, &slot))
		return slot;
	/* Another CPU claimed for this file first; the slot taken here stays empty. */
	file->key.number = 0;
	file->key.device = 0;
	winner = file_index.lookup(key);
	return winner ? *winner : NO_FILE;
}

static __always_inline u32 slot_of(u64 inode)
{
	struct file_key key = {};
	u32 *slot;

	bpf_probe_read_kernel(&key.number, SIZE_INODE_I_INO, (void *)(inode + OFF_INODE_I_INO));
	key.generation = read_u32(inode + OFF_INODE_I_GENERATION);
	key.device = read_u32(read_u64(inode + OFF_INODE_I_SB) + OFF_SB_S_DEV);
	slot = file_index.lookup(&key);
	return slot ? *slot : claim_file(inode, &key);
}

/* The file's slot, with what this event shows of its links; NULL beyond the slots. */
static __always_inline struct file *note_file(u64 inode, u32 slot)
{
	struct file *file = slot != NO_FILE ? files.lookup(&slot) : NULL;
	u64 deleted = read_u32(inode + OFF_INODE_I_NLINK) == 0;

	if (file && file->deleted != deleted)
		file->deleted = deleted;
	return file;
}

static __always_inline struct cell *cell_of(u32 slot, u32 node)
{
	u32 index = node * FILES + slot;

	return cells.lookup(&index);
}

static __always_inline void count_lost(u32 slot, u32 node, enum lost reason)
{
	struct cell *cell = cell_of(slot, node);

	if (cell)
		count(&cell->lost[reason], 1);
}
