/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the whole machine did meanwhile, so that "per exec" means something.
 * Cost: one atomic add on a line of this CPU's own for each exec and each fork.
 */
static __always_inline int count_exec(void)
{
	struct cpu_counts *counts = running() ? this_cpu() : NULL;

	if (counts)
		count(&counts->execs, 1);
	return 0;
}

static __always_inline int count_fork(void)
{
	struct cpu_counts *counts = running() ? this_cpu() : NULL;

	if (counts)
		count(&counts->forks, 1);
	return 0;
}
