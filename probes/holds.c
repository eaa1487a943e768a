/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happens to a hold between its entry and its release: a wait, changes of trees, a sweep.
 * Cost: that of finding it, for each end of a contended wait and for each change.
 */
/* The lock of a tree may be known only since it was asked for: its acquisition is counted now. */
static __always_inline struct held *adopt(u64 sem, u32 task, u32 slot, enum side side)
{
	struct held state = {.slot = slot, .side = side, .stack = -1};
	struct cell *cell;

	count_entered(ACQUISITION);
	state.node = bpf_get_numa_node_id();
	cell = cell_of(slot, state.node);
	if (cell)
		count(&cell->entered[ACQUISITION], 1);
	state.since = bpf_ktime_get_ns();
	if (!remember_hold(task, sem, &state))
		count_lost(slot, state.node, LOST_HELD_FULL);
	return held_by(task, sem);
}

/* What a file gets its slot by, or loses it before, is the wait: the acquisition follows it. */
static __always_inline void wait_begins(u64 sem, u32 task, u32 slot, bool of_tree, enum side side)
{
	struct held *state = held_by(task, sem);

	if (!state && of_tree)
		state = adopt(sem, task, slot, side);
	if (!state)
		return;
	state->flags |= WAITING_NOW;
	move_entered(state->slot, slot, state->node, ACQUISITION);
	state->slot = slot;
}

/* True where the acquisition takes the wait over, to be counted with its hold at the release. */
static __always_inline bool wait_ends(struct wait *wait, u32 task, u64 now)
{
	struct held *state = held_by(task, wait->sem);

	if (!state)
		return false;
	/* The release in between was not seen, nor the entry that followed it. */
	if (state->flags & CONTENDED)
		count_lost(state->wait.slot, state->wait.node, LOST_RELEASE_MISSED_WAIT);
	state->changes = 0;
	state->wait = *wait;
	state->waited_until = now;
	state->since = now;
	state->flags = CONTENDED;
	state->swept_ns += now - wait->began;
	return true;
}

/* The slot that the hold is counted in; NO_FILE also where nobody saw it begin. */
static __always_inline u32 note_change(u64 sem, enum tree_operation change)
{
	struct held *state = held_by(bpf_get_current_pid_tgid(), sem);

	if (!state)
		return NO_FILE;
	state->changes |= 1 << change;
	return state->slot;
}

static __always_inline void note_change_of_tree(u64 sem, u32 slot, enum tree_operation change)
{
	u32 task = bpf_get_current_pid_tgid();
	struct held *state = held_by(task, sem);

	if (!state)
		state = adopt(sem, task, slot, WRITE_SIDE);
	if (state)
		state->changes |= 1 << change;
}

/* A path that takes every lock of a file in turn takes one after the other and holds them all. */
static __always_inline void continue_sweep(struct held *state, u32 task, struct lock *lock)
{
	u64 sem = lock_before(lock);
	struct held *before = sem ? held_by(task, sem) : NULL;

	state->run = before ? before->run + 1 : 1;
	state->swept_ns = before ? before->swept_ns : 0;
}
