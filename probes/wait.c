/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A wait as it is remembered between the two ends of a slow path: one for each task, bound to its
 * lock, with the holder as the waiter found it. Cost: two to four reads for each contended wait.
 */
#define RWSEM_WRITER_LOCKED 1ULL
#define RWSEM_READERS(count) ((count) << 1 >> 9)
#define RWSEM_READER_OWNED 1ULL
#define RWSEM_OWNER_FLAGS 7ULL

struct wait {
	u64 sem;
	u64 began;
	u64 queued;
	u32 slot;
	s32 stack;
	u16 node;
	u16 holder_node;
	u8 holder;
	u8 side;
	u8 operation;
	u8 cause;
};
BPF_TABLE("hash", u32, struct wait, waiting, WAITING);

/*
 * Whether somebody has the lock. A reader's owner word outlives its hold; only the count says that a
 * reader is inside.
 */
static __always_inline bool find_holder(struct wait *wait)
{
	u64 owner = read_u64(wait->sem + OFF_RWSEM_OWNER);
	u64 held = read_u64(wait->sem + OFF_RWSEM_COUNT);
	bool written = held & RWSEM_WRITER_LOCKED;
	/* A waiting reader has counted itself already (__down_read_common). */
	bool taken = written || RWSEM_READERS(held) > (wait->side == READ_SIDE);
	struct number *node;
	u32 cpu;

	wait->holder = UNKNOWN_HOLDER;
	if (owner & RWSEM_READER_OWNED) {
		if (taken && !written)
			wait->holder = READER_HOLDS;
		return taken;
	}
	owner &= ~RWSEM_OWNER_FLAGS;
	if (!owner)
		return taken;
	cpu = read_u32(owner + OFF_TASK_CPU);
	node = node_of_cpu.lookup(&cpu);
	if (node) {
		wait->holder = WRITER_HOLDS;
		wait->holder_node = node->value;
	}
	return taken;
}
