/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mappings: an inode's address_space, and the lock over all of it where the layout has one.
 * Cost: a foreign rwsem leaves after one read.
 */
/* The shard of what is not of one tree. */
#define NO_SHARD (~0ULL)

struct lock {
	u64 inode;
	u64 shard;
};

static __always_inline u64 mapping_of(u64 vma)
{
	return read_u64(read_u64(vma + OFF_VMA_VM_FILE) + OFF_FILE_F_MAPPING);
}

/* A mapping proves itself: the host that it names has it as i_data. */
static __always_inline u64 inode_of_mapping(u64 mapping)
{
	u64 host = read_u64(mapping + OFF_MAPPING_HOST);

	return host + OFF_INODE_I_DATA == mapping ? host : 0;
}

/* So does i_mmap_rwsem, by where it lies; an inode's i_rwsem and invalidate_lock do not. */
static __always_inline bool find_mapping_lock(u64 sem, struct lock *lock)
{
	if (!MAPPING_LOCK)
		return false;
	lock->inode = inode_of_mapping(sem - OFF_MAPPING_I_MMAP_RWSEM);
	lock->shard = MAPPING_SHARD;
	return lock->inode;
}
