/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asking for an i_mmap lock (full mode). down_write and down_read cannot fail; a trylock stays
 * pending until its return, or the release that follows, tells.
 * Cost: that of lock.c, four reads, a file lookup and one insert; where trees have locks, one
 * lookup of the hold before it.
 */
static __always_inline void drop_old(struct held *old)
{
	count_lost(old->slot, old->node, old->flags & TRYING ? LOST_RETURN_MISSED : LOST_RELEASE_MISSED);
	if (old->flags & CONTENDED)
		count_lost(old->wait.slot, old->wait.node, LOST_RELEASE_MISSED_WAIT);
}

static __always_inline int acquire(u64 sem, bool try)
{
	struct held_key key = {.sem = sem};
	struct held state = {}, *old;
	struct lock lock = {};
	struct cell *cell;
	u32 task;

	if (!running() || !find_lock(sem, &lock))
		return 0;
	count_entered(ACQUISITION);
	task = bpf_get_current_pid_tgid();
	key.task = task;
	state.node = bpf_get_numa_node_id();
	state.slot = slot_of(lock.inode, lock.shard, CLAIM_EARLY);
	cell = cell_of(state.slot, state.node);
	if (cell)
		count(&cell->entered[ACQUISITION], 1);
	if (try) {
		struct held_key before = {.task = task};
		u64 *pending = trying.lookup(&task);

		if (pending) {
			before.sem = *pending;
			old = held.lookup(&before);
			if (old && old->flags & TRYING) {
				drop_old(old);
				held.delete(&before);
			}
		}
		state.flags = TRYING;
		trying.update(&task, &sem);
	}
	if (TREE_LOCKS)
		continue_sweep(&state, task, &lock);
	state.since = bpf_ktime_get_ns();
	if (!held.insert(&key, &state))
		return 0;
	old = held.lookup(&key);
	if (old) {
		drop_old(old);
		*old = state;
		return 0;
	}
	count_lost(state.slot, state.node, LOST_HELD_FULL);
	return 0;
}

/* `lock` 0: a kretprobe does not see it. */
static __always_inline int tried(u64 lock, u64 got)
{
	u64 now = bpf_ktime_get_ns();
	u32 task = bpf_get_current_pid_tgid();
	struct held_key key = {.task = task};
	u64 *sem = trying.lookup(&task);
	struct held *state;
	struct cell *cell;

	if (!sem || !running() || (lock && lock != *sem))
		return 0;
	key.sem = *sem;
	trying.delete(&task);
	state = held.lookup(&key);
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
	held.delete(&key);
	return 0;
}
