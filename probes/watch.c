/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An unknown layout, watched: at each tree operation of the process that maps files for it, what
 * lies in memory at the VMA, at the mapping and at whatever that points to, and around each rwsem
 * that the process holds. Before a session, in a module of its own, which is gone when it opens.
 * Cost: other processes leave after two lookups; some hundred reads for each tree operation.
 */
#define MOST_HELD 8
#define AROUND_WORDS 64
#define CHUNK_WORDS 64
#define CHUNKS 8
/* Of four or five levels of page tables. */
#define KERNEL_ADDRESSES 0xff00000000000000ULL

struct owned {
	u64 sem[MOST_HELD];
	u64 side[MOST_HELD];
};
BPF_ARRAY(owned, struct owned, 1);

struct observed {
	/* So many tree operations were seen, this one included. */
	u64 number;
	u64 change;
	u64 vma;
	u64 mapping;
	u64 root;
	struct owned held;
	u64 around[MOST_HELD][AROUND_WORDS];
	u64 vma_words[VMA_WORDS];
	u64 mapping_words[MAPPING_WORDS];
	u64 pointees[MAPPING_WORDS][CHUNKS][CHUNK_WORDS];
};
BPF_F_TABLE("array", u32, struct observed, observed, 1, BPF_F_MMAPABLE);

static __always_inline int watch_acquire(u64 sem, enum side side)
{
	u32 zero = 0;
	struct owned *now = learning() ? owned.lookup(&zero) : NULL;

	if (!now)
		return 0;
	for (int i = 0; i < MOST_HELD; i++) {
		if (now->sem[i] && now->sem[i] != sem)
			continue;
		now->sem[i] = sem;
		now->side[i] = side;
		break;
	}
	return 0;
}

static __always_inline int watch_release(u64 sem)
{
	u32 zero = 0;
	struct owned *now = learning() ? owned.lookup(&zero) : NULL;

	if (!now)
		return 0;
	for (int i = 0; i < MOST_HELD; i++)
		if (now->sem[i] == sem)
			now->sem[i] = 0;
	return 0;
}

static __always_inline void see_pointees(struct observed *seen)
{
	for (int i = 0; i < MAPPING_WORDS; i++) {
		u64 at = seen->mapping_words[i];

		for (int j = 0; j < CHUNKS; j++) {
			/* What cannot be read is left 0. */
			if (at >= KERNEL_ADDRESSES)
				bpf_probe_read_kernel(seen->pointees[i][j], CHUNK_WORDS * 8,
						      (void *)(at + j * CHUNK_WORDS * 8));
		}
	}
}

static __always_inline int watch_change(u64 vma, u64 root, enum tree_operation change)
{
	u32 zero = 0;
	struct observed *seen = learning() ? observed.lookup(&zero) : NULL;
	struct owned *now = owned.lookup(&zero);

	if (!seen || !now)
		return 0;
	seen->change = change;
	seen->vma = vma;
	seen->root = root;
	seen->mapping = mapping_of(vma);
	seen->held = *now;
	for (int i = 0; i < MOST_HELD; i++)
		bpf_probe_read_kernel(seen->around[i], sizeof(seen->around[i]),
				      (void *)(now->sem[i] - AROUND_WORDS * 4));
	bpf_probe_read_kernel(seen->vma_words, sizeof(seen->vma_words), (void *)vma);
	bpf_probe_read_kernel(seen->mapping_words, sizeof(seen->mapping_words), (void *)seen->mapping);
	see_pointees(seen);
	seen->number++;
	return 0;
}
