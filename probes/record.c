/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What of a session is recorded: each acquisition, wait, change of a tree and turn in a task's life.
 * Cost: that of ring.c for each; one atomic add and, if asked for, one unwind at each entry.
 */
/* What is known only as the lock is asked for. An id is one CPU's own, so nobody shares a line. */
static __always_inline void remember_entry(void *ctx, struct held *state, enum side side)
{
	struct cpu_counts *counts = this_cpu();

	state->cpu = bpf_get_smp_processor_id();
	state->side = side;
	state->stack = STACKS_OF_ALL ? stack_ids.get_stackid(ctx, 0) : -1;
	if (counts)
		state->id = (u64)state->cpu << 48 | (__sync_fetch_and_add(&counts->serial, 1) + 1);
}

static __always_inline void describe_wait(struct record *record, struct wait *wait, u64 until)
{
	record->time = wait->began;
	record->wait_or_vma = until - wait->began;
	record->spin_or_parent = (wait->queued ? wait->queued : until) - wait->began;
	record->stack = wait->stack;
	record->node = wait->node;
	record->holder = wait->holder;
	record->holder_node = wait->holder_node;
	record->cause = wait->cause;
	record->side = wait->side;
	record->flags |= RECORD_CONTENDED;
}

static __always_inline void record_acquisition(struct held *state, u64 now, u32 operation)
{
	struct record record = {
		.kind = RECORD_ACQUISITION, .time = state->since, .id = state->id,
		.task = bpf_get_current_pid_tgid(), .slot = state->slot, .stack = state->stack,
		.cpu = state->cpu, .node = state->node, .side = state->side, .operation = operation,
		.hold = now - state->since,
	};

	if (state->flags & WAITING_NOW)
		record.flags |= RECORD_HOLD_UNKNOWN;
	if (!(state->flags & CONTENDED)) {
		emit(&record);
		return;
	}
	describe_wait(&record, &state->wait, state->waited_until);
	emit_waited(&record);
}

static __always_inline void record_wait(struct wait *wait, u64 now, bool interrupted, u32 operation)
{
	struct record record = {
		.kind = RECORD_WAIT, .task = bpf_get_current_pid_tgid(), .slot = wait->slot,
		.cpu = bpf_get_smp_processor_id(), .operation = operation,
		.flags = interrupted ? RECORD_INTERRUPTED : 0,
	};

	describe_wait(&record, wait, now);
	emit_waited(&record);
}

static __always_inline void record_failed(struct held *state)
{
	struct record record = {
		.kind = RECORD_FAILED_TRYLOCK, .time = state->since, .id = state->id, .stack = -1,
		.task = bpf_get_current_pid_tgid(), .slot = state->slot,
		.cpu = state->cpu, .node = state->node, .side = state->side,
	};

	emit(&record);
}

static __always_inline void record_change(u64 sem, u32 slot, u64 vma, u64 parent, enum tree_operation change)
{
	u32 task = bpf_get_current_pid_tgid();
	struct held *state = sem ? held_by(task, sem) : NULL;
	struct record record = {
		.kind = RECORD_TREE, .time = bpf_ktime_get_ns(), .id = state ? state->id : 0, .stack = -1,
		.wait_or_vma = vma, .spin_or_parent = parent, .task = task, .slot = slot,
		.cpu = bpf_get_smp_processor_id(), .node = bpf_get_numa_node_id(),
		/* Codes of operations are those of tree operations and one. */
		.operation = change + OPERATION_INSERT,
	};

	emit(&record);
}

static __always_inline void record_task(enum record_kind kind, u32 child)
{
	struct record record = {
		.kind = kind, .time = bpf_ktime_get_ns(), .stack = -1,
		.task = bpf_get_current_pid_tgid(), .slot = child,
		.cpu = bpf_get_smp_processor_id(), .node = bpf_get_numa_node_id(),
	};

	emit(&record);
}
