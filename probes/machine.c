/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the whole machine did meanwhile, so that "per exec" means something.
 * Cost: one atomic add on a line of this CPU's own for each exec and each fork.
 */
static __always_inline int count_exec(void)
{
	struct cpu_counts *counts = running() ? this_cpu() : NULL;

	if (!counts)
		return 0;
	count(&counts->execs, 1);
	record_task(RECORD_EXEC, 0);
	return 0;
}

static __always_inline int count_fork(u64 child)
{
	struct cpu_counts *counts = running() ? this_cpu() : NULL;

	if (!counts)
		return 0;
	count(&counts->forks, 1);
	record_task(RECORD_FORK, read_u32(child + OFF_TASK_PID));
	return 0;
}

static __always_inline int count_exit(void)
{
	if (running())
		record_task(RECORD_EXIT, 0);
	return 0;
}
