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
	u64 state;
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
BPF_F_TABLE("array", u32, struct number, free_rows, ROWS, BPF_F_MMAPABLE);

/*
 * Where no row is left: the first ones are kept for each node and operation, of no file, with
 * holder and cause unknown. They are claimed by the agent before the session opens.
 */
static __always_inline struct row *coarse_row(struct row_key *key)
{
	u32 index = key->node * OPERATIONS + key->operation;

	return index < COARSE_ROWS ? rows.lookup(&index) : NULL;
}

static __always_inline u64 free_row(struct pool *pool)
{
	u64 row = advance(&pool->next, ROWS), position;
	struct number *given;
	u32 index;

	if (row != NONE)
		return row;
	position = advance(&pool->taken, pool->given);
	if (position == NONE)
		return NONE;
	index = position % ROWS;
	given = free_rows.lookup(&index);
	return given ? given->value : NONE;
}

static __always_inline struct row *claim_row(struct row_key *key)
{
	u32 zero = 0, index;
	struct control *now = control.lookup(&zero);
	u64 taken = now ? free_row(&now->rows) : NONE;
	struct row *row;
	u32 *winner;

	index = taken;
	row = taken != NONE ? rows.lookup(&index) : NULL;
	if (!row)
		return coarse_row(key);
	row->key = *key;
	row->state = CLAIMED;
	if (!row_index.insert(key, &index))
		return row;
	/* Another CPU claimed for this key first. */
	hand_back(&now->rows.next, index, &row->state);
	winner = row_index.lookup(key);
	return winner ? rows.lookup(winner) : coarse_row(key);
}

/* The row of a wait that is finished. */
static __always_inline struct row *row_of(struct row_key *key)
{
	u32 *index = row_index.lookup(key);
	struct row *row = index ? rows.lookup(index) : claim_row(key);

	if (row)
		move_entered(key->slot, row->key.slot, key->node, WAIT);
	return row;
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
