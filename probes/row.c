/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows: contended acquisitions by everything that is known of them.
 * Cost: one hash lookup and some ten atomic adds for each contended wait; a new key claims a row
 * once. A lock's holder adds while it still holds, so a hot row's line travels with its lock.
 */
#define BUCKETS 32
#define FIRST_BUCKET_LOG2 8

enum holder { NO_HOLDER, WRITER_HOLDS, READER_HOLDS, UNKNOWN_HOLDER };

struct row_key {
	u32 slot;
	u16 node;
	u16 holder_node;
	u8 holder;
	u8 operation;
	u8 cause;
	u8 spin_known;
	u32 pad;
};

struct row {
	struct row_key key;
	u64 claimed;
	u64 acquisitions;
	u64 contended;
	u64 interrupted;
	u64 wait_ns;
	u64 spin_ns;
	u64 wait_max_ns;
	u64 hold_ns;
	u64 buckets[BUCKETS];
};
BPF_F_TABLE("array", u32, struct row, rows, ROWS, BPF_F_MMAPABLE);
BPF_TABLE("hash", struct row_key, u32, row_index, ROWS);

static __always_inline struct row *claim_row(struct row_key *key)
{
	u32 zero = 0, index;
	struct control *now = control.lookup(&zero);
	struct row *row;
	u32 *winner;

	if (!now || now->next_row >= ROWS)
		return NULL;
	index = __sync_fetch_and_add(&now->next_row, 1);
	row = rows.lookup(&index);
	if (!row)
		return NULL;
	row->key = *key;
	if (!row_index.insert(key, &index)) {
		row->claimed = 1;
		return row;
	}
	winner = row_index.lookup(key);
	return winner ? rows.lookup(winner) : NULL;
}

static __always_inline struct row *row_of(struct row_key *key)
{
	u32 *index = row_index.lookup(key);

	return index ? rows.lookup(index) : claim_row(key);
}

/* ceil(log2(ns)) in five steps; bucket i counts waits of at most 2^(i + FIRST_BUCKET_LOG2) ns. */
static __always_inline u32 bucket_of(u64 ns)
{
	u64 rest = ns ? ns - 1 : 0;
	u32 log2 = 0;

	if (rest >> 32) { log2 += 32; rest >>= 32; }
	if (rest >> 16) { log2 += 16; rest >>= 16; }
	if (rest >> 8) { log2 += 8; rest >>= 8; }
	if (rest >> 4) { log2 += 4; rest >>= 4; }
	if (rest >> 2) { log2 += 2; rest >>= 2; }
	if (rest >> 1) { log2 += 1; rest >>= 1; }
	log2 += rest;
	if (log2 < FIRST_BUCKET_LOG2)
		return 0;
	log2 -= FIRST_BUCKET_LOG2;
	return log2 < BUCKETS ? log2 : BUCKETS - 1;
}

static __always_inline void raise_to(u64 *maximum, u64 value)
{
	u64 seen = *maximum;

	for (int attempt = 0; attempt < 16 && seen < value; attempt++) {
		u64 found = __sync_val_compare_and_swap(maximum, seen, value);

		if (found == seen)
			return;
		seen = found;
	}
}

static __always_inline void add_wait(struct row *row, u64 wait_ns, u64 spin_ns)
{
	u32 bucket = bucket_of(wait_ns) & (BUCKETS - 1);

	count(&row->contended, 1);
	count(&row->wait_ns, wait_ns);
	count(&row->spin_ns, spin_ns);
	count(&row->buckets[bucket], 1);
	raise_to(&row->wait_max_ns, wait_ns);
}
