/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records cross one by one through a ring buffer. They have one size, so that whoever reads sees the
 * ring as an array of them; what it has no room for is counted by file and kind: rows + refused =
 * what there was. Cost: a spinlock that all CPUs share, 72 bytes and no wakeup for each.
 */
enum record_kind {
	RECORD_ACQUISITION, RECORD_WAIT, RECORD_FAILED_TRYLOCK, RECORD_TREE,
	RECORD_FORK, RECORD_EXEC, RECORD_EXIT, RECORD_KINDS,
};

/* A hold whose beginning nobody saw has no length; RECORD_CONTENDED tells that `wait` is one. */
enum record_flags { RECORD_CONTENDED = 1, RECORD_INTERRUPTED = 2, RECORD_HOLD_UNKNOWN = 4 };

struct record {
	u64 time;
	u64 id;
	/* Of a change of a tree: the VMA, and the one that it is put behind. */
	u64 wait_or_vma;
	u64 spin_or_parent;
	u64 hold;
	/* Of a fork: the child where a lock has its slot. */
	u32 task;
	u32 slot;
	s32 stack;
	u16 cpu;
	u16 node;
	u16 holder_node;
	u8 holder;
	u8 kind;
	u8 operation;
	u8 cause;
	u8 side;
	u8 flags;
};
/* What BCC counts a ring's pages in; x86-64 only, as the agent is. */
#define PAGE_SIZE 4096
BPF_RINGBUF_OUTPUT(ring, RING_PAGES);

struct refused {
	u64 records[RECORD_KINDS];
	u64 waits;
};
BPF_F_TABLE("array", u32, struct refused, refused, FILES, BPF_F_MMAPABLE);

static __always_inline bool emit(struct record *record)
{
	struct record *room = ring.ringbuf_reserve(sizeof(*record));
	struct refused *none;
	u32 slot = record->kind < RECORD_FORK ? record->slot : NO_FILE;

	if (room) {
		*room = *record;
		ring.ringbuf_submit(room, BPF_RB_NO_WAKEUP);
		return true;
	}
	none = refused.lookup(&slot);
	if (none && record->kind < RECORD_KINDS)
		count(&none->records[record->kind], 1);
	return false;
}

static __always_inline void emit_waited(struct record *record)
{
	u32 slot = record->slot;
	struct refused *none;

	if (emit(record))
		return;
	none = refused.lookup(&slot);
	if (none)
		count(&none->waits, 1);
}
