/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Releasing an i_mmap lock (full mode): here an acquisition is finished, and what it changed is
 * known. Cost: a foreign rwsem one read; ours two looks at its place and two atomic adds, eight and a
 * row lookup where it was contended.
 */
static __always_inline u32 operation_of(u8 changes)
{
	switch (changes) {
	case 0: return OPERATION_WALK;
	case 1 << INSERT: return OPERATION_INSERT;
	case 1 << INSERT_AFTER: return OPERATION_INSERT_AFTER;
	case 1 << REMOVE: return OPERATION_REMOVE;
	default: return OPERATION_ADJUST;
	}
}

static __always_inline void count_acquired(struct held *state, u64 now)
{
	u32 operation = operation_of(state->changes) & (OPERATIONS - 1);
	struct cell *cell;

	if (state->flags & CONTENDED) {
		struct wait *wait = &state->wait;
		struct row_key key = {
			.slot = state->slot, .node = wait->node,
			.holder = wait->holder, .holder_node = wait->holder_node,
			.operation = operation, .cause = wait->cause,
			.spin_known = wait->side == WRITE_SIDE,
		};
		struct row *row = row_of(&key);

		if (!row) {
			count_lost(wait->slot, wait->node, LOST_ROWS_FULL_WAIT);
			count_lost(wait->slot, wait->node, LOST_ROWS_FULL_ACQUISITION);
			return;
		}
		move_entered(key.slot, row->key.slot, state->node, ACQUISITION);
		record_acquisition(state, now, operation);
		count(&row->acquisitions, 1);
		count(&row->hold_ns, now - state->since);
		count_wait(row, wait, state->waited_until);
		return;
	}
	record_acquisition(state, now, operation);
	cell = cell_of(state->slot, state->node);
	if (cell) {
		count(&cell->acquired[operation], 1);
		/* Where the wait's end was not seen, nobody knows when the hold began. */
		if (!(state->flags & WAITING_NOW))
			count(&cell->hold_ns[operation], now - state->since);
	}
}

/* The last lock of a file, with all before it held, and no change of a tree. */
static __always_inline bool ends_sweep(struct held *state)
{
	u32 zero = 0;
	struct control *now = control.lookup(&zero);

	return now && now->shards > 1 && state->run == now->shards && !state->changes;
}

static __always_inline int release(u64 sem)
{
	struct lock lock = {};
	struct held *state;
	u32 task;
	u64 now;

	if (!may_be_lock(sem) || !running())
		return 0;
	now = bpf_ktime_get_ns();
	task = bpf_get_current_pid_tgid();
	state = held_by(task, sem);
	if (!state) {
		if (find_lock(sem, &lock))
			count_boundary(ACQUISITION);
		return 0;
	}
	if (state->flags & TRYING)
		forget_trylock(task);
	if (state->flags & WAITING_NOW) {
		/* Released without having been seen to get it: the wait's end is gone, the hold is not. */
		struct wait *wait = waiting.lookup(&task);

		if (wait && wait->sem == sem) {
			count_lost(wait->slot, wait->node, LOST_EXIT_MISSED);
			waiting.delete(&task);
		}
	}
	if (TREE_LOCKS && ends_sweep(state) && find_lock(sem, &lock))
		count_sweep(lock.inode, 1, state->swept_ns, CLAIM_EARLY);
	count_acquired(state, now);
	forget_hold(task, sem);
	return 0;
}
