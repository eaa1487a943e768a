/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files: which slot counts for a lock or a tree of this file; each has a slot of its own.
 * Cost: three reads and one hash lookup, and once in its life the claim of a slot with a copy of
 * the file's name.
 */
struct file_key {
	u64 number;
	u32 device;
	u32 generation;
	u64 shard;
};

/* Slot 0 counts for the files beyond the slots: attributed to no inode, but not lost. */
#define NO_FILE 0

struct file {
	struct file_key key;
	u64 state;
	u64 named;
	u64 deleted;
	u64 vmas;
	u64 vmas_known;
	u64 sweeps;
	u64 sweep_wait_ns;
	char name[256];
};
BPF_F_TABLE("array", u32, struct file, files, FILES, BPF_F_MMAPABLE);
BPF_TABLE("hash", struct file_key, u32, file_index, FILES);
BPF_F_TABLE("array", u32, struct number, free_files, FILES, BPF_F_MMAPABLE);

static __always_inline void copy_name(struct file *file, u64 inode)
{
	u64 alias = read_u64(inode + OFF_INODE_I_DENTRY);
	u64 name;

	/* The slot may have been handed back by whoever named it last. */
	file->named = 0;
	if (!alias)
		return;
	name = read_u64(alias - OFF_DENTRY_D_ALIAS + OFF_DENTRY_D_NAME);
	if (bpf_probe_read_kernel_str(file->name, sizeof(file->name), (void *)name) > 0)
		file->named = 1;
}

static __always_inline u32 free_slot(struct pool *pool)
{
	u64 slot = advance(&pool->next, FILES), position;
	struct number *given;
	u32 index;

	if (slot != NONE)
		return slot;
	position = advance(&pool->taken, pool->given);
	if (position == NONE)
		return NO_FILE;
	index = position % FILES;
	given = free_files.lookup(&index);
	return given ? given->value : NO_FILE;
}

static __always_inline u32 claim_file(u64 inode, struct file_key *key)
{
	u32 zero = 0, slot;
	struct control *now = control.lookup(&zero);
	struct file *file;
	u32 *winner;

	slot = now ? free_slot(&now->files) : NO_FILE;
	file = slot != NO_FILE ? files.lookup(&slot) : NULL;
	if (!file)
		return NO_FILE;
	file->key = *key;
	copy_name(file, inode);
	/* Before others can find it: what is counted in a slot without a file would be nobody's. */
	file->state = CLAIMED;
	if (!file_index.insert(key, &slot))
		return slot;
	/* Another CPU claimed for this file first. */
	hand_back(&now->files.next, slot, &file->state);
	winner = file_index.lookup(key);
	return winner ? *winner : NO_FILE;
}

static __always_inline u32 slot_of_known(u64 inode, struct identity *known, u64 shard, bool claims)
{
	struct file_key key = {.number = known->number, .shard = shard};
	struct file *file;
	u32 *found, slot;

	key.generation = read_u32(inode + OFF_INODE_I_GENERATION);
	key.device = read_u32(known->super_block + OFF_SB_S_DEV);
	found = file_index.lookup(&key);
	if (!found)
		return claims ? claim_file(inode, &key) : NO_FILE;
	slot = *found;
	file = files.lookup(&slot);
	if (!file || file->state != CLAIMED)
		return NO_FILE;
	/* The index may have given what was found to another file meanwhile. */
	return file->key.number == key.number && file->key.device == key.device &&
	       file->key.generation == key.generation && file->key.shard == shard ? slot : NO_FILE;
}

static __always_inline u32 slot_of(u64 inode, u64 shard, bool claims)
{
	struct identity known = {};

	identify(inode, &known);
	return slot_of_known(inode, &known, shard, claims);
}

/* What this event shows of the file's links. */
static __always_inline void note_links(u32 slot, struct identity *known)
{
	struct file *file = slot != NO_FILE ? files.lookup(&slot) : NULL;
	u64 deleted = known->links == 0;

	if (file && file->deleted != deleted)
		file->deleted = deleted;
}

static __always_inline u32 slot_noting_links(u64 inode, u64 shard, bool claims)
{
	struct identity known = {};
	u32 slot;

	identify(inode, &known);
	slot = slot_of_known(inode, &known, shard, claims);
	note_links(slot, &known);
	return slot;
}
