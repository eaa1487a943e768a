/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An acquisition as it is remembered until its release, by task and lock. Nearly every task holds
 * one i_mmap lock at a time, and has it in the place of its number. What it holds beside that one
 * (mm_take_all_locks in mm/vma.c takes one for each file), or while another task has that place, is
 * in a hash. Full mode only. Cost: one array lookup and one compare-and-swap for a hold in a place.
 */
struct held_key {
	u64 sem;
	u64 task;
};

enum held_flags { TRYING = 1, WAITING_NOW = 2, CONTENDED = 4 };

struct held {
	u64 since;
	struct wait wait;
	u64 waited_until;
	u64 swept_ns;
	u32 slot;
	u16 node;
	u8 flags;
	u8 changes;
	/* So many locks of one file, this one included, were taken in order and are held at once. */
	u32 run;
	/* For a recording: see record.c. */
	s32 stack;
	u64 id;
	u16 cpu;
	u8 side;
	u8 pad[5];
};

struct place {
	/* Free where 0, as no task's number is that asks for a lock. */
	u64 task;
	u64 sem;
	struct held held;
};
BPF_F_TABLE("array", u32, struct place, places, HELD, BPF_F_MMAPABLE);
BPF_TABLE("hash", struct held_key, struct held, held, HELD);
/* How many are in the hash: hardly ever any. */
BPF_ARRAY(held_elsewhere, u64, 1);

static __always_inline u64 *holds_elsewhere(void)
{
	u32 zero = 0;

	return held_elsewhere.lookup(&zero);
}

static __always_inline struct place *place_of(u32 task)
{
	u32 index = task % HELD;

	return places.lookup(&index);
}

static __always_inline struct held *held_by(u32 task, u64 sem)
{
	struct held_key key = {.sem = sem, .task = task};
	struct place *place = place_of(task);
	u64 *elsewhere;

	if (place && place->task == task && place->sem == sem)
		return &place->held;
	elsewhere = holds_elsewhere();
	return elsewhere && *elsewhere ? held.lookup(&key) : NULL;
}

/* False where there is no room. The task must not have that lock yet. */
static __always_inline bool remember_hold(u32 task, u64 sem, struct held *state)
{
	struct held_key key = {.sem = sem, .task = task};
	struct place *place = place_of(task);
	u64 *elsewhere;

	/* Until the number is there others may take the place, and then only its task looks at it. */
	if (place && !__sync_val_compare_and_swap(&place->task, 0, (u64)task)) {
		place->sem = sem;
		place->held = *state;
		return true;
	}
	if (held.insert(&key, state))
		return false;
	elsewhere = holds_elsewhere();
	if (elsewhere)
		count(elsewhere, 1);
	return true;
}

static __always_inline void forget_hold(u32 task, u64 sem)
{
	struct held_key key = {.sem = sem, .task = task};
	struct place *place = place_of(task);
	u64 *elsewhere;

	if (place && place->task == task && place->sem == sem) {
		/* Whatever was read of the hold was read before another task may have its place. */
		asm volatile("" ::: "memory");
		place->task = 0;
		return;
	}
	elsewhere = holds_elsewhere();
	if (elsewhere && *elsewhere && !held.delete(&key))
		count(elsewhere, -1);
}
