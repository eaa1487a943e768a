/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waits: from entering an rwsem's slow path to having the lock. What looking at the waiter takes
 * is waiting too where the lock is still taken behind it; where it is not, it only made the task late.
 * Nothing here runs for an uncontended lock. Cost: fentry, one unwind, three hash operations; at the
 * return one or two.
 */
#define ERROR_POINTERS (-4095ULL)

static __always_inline void count_wait(struct row *row, struct wait *wait, u64 until)
{
	u64 queued = wait->queued ? wait->queued : until;

	add_wait(row, until - wait->began, wait->side == WRITE_SIDE ? queued - wait->began : 0);
	weigh_stack(wait, until - wait->began);
}

static __always_inline void count_finished(struct wait *wait, u64 now, bool interrupted, u8 operation)
{
	struct row_key key = {
		.slot = wait->slot, .node = wait->node,
		.holder = wait->holder, .holder_node = wait->holder_node,
		.operation = operation, .cause = wait->cause, .spin_known = wait->side == WRITE_SIDE,
	};
	struct row *row = row_of(&key);

	if (!row)
		count_lost(wait->slot, wait->node, LOST_ROWS_FULL_WAIT);
	else if (interrupted)
		count(&row->interrupted, 1);
	else
		count_wait(row, wait, now);
	if (row)
		record_wait(wait, now, interrupted, operation);
}

static __always_inline int enter_slow_path(void *ctx, u64 sem, enum side side)
{
	struct wait wait = {.sem = sem, .side = side}, *old;
	u32 task = bpf_get_current_pid_tgid();
	struct lock lock = {};
	struct cell *cell;
	u64 entered;
	u32 class;

	if (!running() || !find_or_prove_lock(sem, &lock))
		return 0;
	entered = bpf_ktime_get_ns();
	count_entered(WAIT);
	wait.node = bpf_get_numa_node_id();
	wait.slot = slot_noting_links(lock.inode, lock.shard, true);
	/* By which changes of its other trees are known to be of a file that is waited for. */
	if (TREE_LOCKS && !CLAIM_EARLY && lock.shard != NO_SHARD)
		slot_of(lock.inode, NO_SHARD, true);
	cell = cell_of(wait.slot, wait.node);
	if (cell)
		count(&cell->entered[WAIT], 1);
	old = waiting.lookup(&task);
	if (old)
		count_lost(old->slot, old->node, LOST_EXIT_MISSED);
	class = class_of_stack(ctx, &wait.stack);
	if (!class)
		count_lost(wait.slot, wait.node, LOST_STACK_UNREADABLE);
	wait.operation = CLASS_OPERATION(class);
	wait.cause = CLASS_CAUSE(class);
	wait_begins(sem, task, wait.slot, TREE_LOCKS && lock.shard != NO_SHARD, side);
	wait.began = find_holder(&wait) ? entered : bpf_ktime_get_ns();
	if (waiting.update(&task, &wait))
		count_lost(wait.slot, wait.node, LOST_WAITING_FULL);
	return 0;
}

static __always_inline int leave_slow_path(u64 sem, u64 returned)
{
	u64 now = bpf_ktime_get_ns();
	u32 task = bpf_get_current_pid_tgid();
	bool interrupted = returned > ERROR_POINTERS;
	struct lock lock = {};
	struct wait *wait;

	if (!running() || !may_be_lock(sem))
		return 0;
	wait = waiting.lookup(&task);
	if (!wait || wait->sem != sem) {
		if (find_lock(sem, &lock))
			count_boundary(WAIT);
		/* A task is in one slow path at a time, whosever lock this one is. */
		if (wait) {
			count_lost(wait->slot, wait->node, LOST_EXIT_MISSED);
			waiting.delete(&task);
		}
		return 0;
	}
	if (TREE_LOCKS && !interrupted && wait->operation == OPERATION_WALK)
		note_swept_wait(wait, now);
	if (interrupted || !wait_ends(wait, task, now))
		count_finished(wait, now, interrupted, wait->operation);
	waiting.delete(&task);
	return 0;
}

/* A kretprobe sees no arguments: the return value is the lock, or else the task remembers it. */
static __always_inline int leave_slow_path_of_task(u64 returned)
{
	u32 task = bpf_get_current_pid_tgid();
	struct wait *wait;

	if (returned <= ERROR_POINTERS)
		return leave_slow_path(returned, returned);
	wait = waiting.lookup(&task);
	return wait ? leave_slow_path(wait->sem, returned) : 0;
}

/* contention_begin: the waiter stops spinning and queues (kernel/locking/rwsem.c). */
static __always_inline int queue_up(u64 sem, u32 flags)
{
	u32 task;
	struct wait *wait;

	if (flags != CONTENTION_WRITE || !running())
		return 0;
	task = bpf_get_current_pid_tgid();
	wait = waiting.lookup(&task);
	if (wait && wait->sem == sem && !wait->queued)
		wait->queued = bpf_ktime_get_ns();
	return 0;
}
