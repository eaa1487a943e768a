/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asking for an i_mmap lock (full mode). down_write and down_read cannot fail; a trylock stays
 * pending until its return, or the release that follows, tells.
 * Cost: that of lock.c, three reads, a file lookup and the place of a hold; where trees have locks,
 * one lookup of the hold before it.
 */
static __always_inline void drop_old(struct held *old)
{
	count_lost(old->slot, old->node, old->flags & TRYING ? LOST_RETURN_MISSED : LOST_RELEASE_MISSED);
	if (old->flags & CONTENDED)
		count_lost(old->wait.slot, old->wait.node, LOST_RELEASE_MISSED_WAIT);
}

static __always_inline int acquire(void *ctx, u64 sem, bool try, enum side side)
{
	struct held state = {}, *old;
	struct lock lock = {};
	struct cell *cell;
	u32 task;

	/* In this order: most rwsems are none of ours, and a session is closed for moments only. */
	if (!find_lock(sem, &lock) || !running())
		return 0;
	count_entered(ACQUISITION);
	task = bpf_get_current_pid_tgid();
	state.node = bpf_get_numa_node_id();
	state.slot = slot_noting_links(lock.inode, lock.shard, CLAIM_EARLY);
	cell = cell_of(state.slot, state.node);
	if (cell)
		count(&cell->entered[ACQUISITION], 1);
	if (try) {
		u64 *pending = trying.lookup(&task);

		if (pending) {
			u64 before = *pending;

			old = held_by(task, before);
			if (old && old->flags & TRYING) {
				drop_old(old);
				forget_hold(task, before);
			}
			forget_trylock(task);
		}
		state.flags = TRYING;
		remember_trylock(task, sem);
	}
	if (TREE_LOCKS)
		continue_sweep(&state, task, &lock);
	remember_entry(ctx, &state, side);
	state.since = bpf_ktime_get_ns();
	old = held_by(task, sem);
	if (old) {
		drop_old(old);
		*old = state;
	} else if (!remember_hold(task, sem, &state)) {
		count_lost(state.slot, state.node, LOST_HELD_FULL);
	}
	return 0;
}

/* `lock` 0: a kretprobe does not see it. */
static __always_inline int tried(u64 lock, u64 got)
{
	u64 *pending = pending_trylocks();
	struct held *state;
	struct cell *cell;
	u64 now, *found, sem;
	u32 task;

	if (!pending || !*pending || !running())
		return 0;
	task = bpf_get_current_pid_tgid();
	found = trying.lookup(&task);
	if (!found || (lock && lock != *found))
		return 0;
	now = bpf_ktime_get_ns();
	sem = *found;
	forget_trylock(task);
	state = held_by(task, sem);
	if (!state || !(state->flags & TRYING))
		return 0;
	if (got & 0xff) {
		state->flags = 0;
		state->since = now;
		return 0;
	}
	cell = cell_of(state->slot, state->node);
	if (cell)
		count(&cell->failed_trylocks, 1);
	record_failed(state);
	forget_hold(task, sem);
	return 0;
}
