/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trylocks between entry and return, whose kretprobe sees no lock. Cost: one array lookup for the
 * return of any rwsem's trylock where none of i_mmap is pending, which is nearly always.
 */
BPF_TABLE("hash", u32, u64, trying, HELD);
/* How many are in there. */
BPF_ARRAY(trying_now, u64, 1);

static __always_inline u64 *pending_trylocks(void)
{
	u32 zero = 0;

	return trying_now.lookup(&zero);
}

static __always_inline void remember_trylock(u32 task, u64 sem)
{
	u64 *pending = pending_trylocks();

	if (!trying.insert(&task, &sem) && pending)
		count(pending, 1);
}

static __always_inline void forget_trylock(u32 task)
{
	u64 *pending = pending_trylocks();

	if (!trying.delete(&task) && pending)
		count(pending, -1);
}
