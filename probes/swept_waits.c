/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sweeps as contention mode sees them: by their waits, so those that never waited are not seen,
 * and two of one task are one where the second waits first behind the last wait of the first.
 * A lock over the mapping is no part of one: who has it may still take the trees' in turn.
 * Cost: two lookups and an update for each wait of a walk for the lock of a tree.
 */
BPF_TABLE("lru_hash", u32, struct lock, sweeping, WAITING);

static __always_inline void note_swept_wait(struct wait *wait, u64 now)
{
	u32 task = bpf_get_current_pid_tgid();
	struct lock lock = {}, *last;

	if (!find_lock(wait->sem, &lock) || lock.shard == NO_SHARD)
		return;
	last = sweeping.lookup(&task);
	count_sweep(lock.inode, !last || last->inode != lock.inode || last->shard >= lock.shard,
		    now - wait->began, true);
	sweeping.update(&task, &lock);
}
