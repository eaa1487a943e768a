/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sweeps: one path that takes the lock of every tree of a file, counted for the file once.
 * Cost: nothing for a lock over the whole mapping; at the end of a sweep two file lookups.
 */
static __always_inline void count_sweep(u64 inode, u64 count_of, u64 wait_ns, bool claims)
{
	u32 slot = slot_of(inode, NO_SHARD, claims);
	struct file *file = files.lookup(&slot);

	if (!file)
		return;
	count(&file->sweeps, count_of);
	count(&file->sweep_wait_ns, wait_ns);
}
