/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pools: elements of a mapped array, handed out once each: at first in order, then those that the
 * agent gave back, of which a ring beside the array has the numbers. Positions there only grow.
 * Cost: one compare-and-swap for each claim, once in the life of a file or a key.
 */
struct pool {
	u64 next;
	u64 taken;
	u64 given;
};

/* So many CPUs may beat this one to a number; a claim that comes to nothing costs a name. */
#define ATTEMPTS 64
#define NONE (~0ULL)

/* RETIRING: counts for nobody from now on. BURNED: handed out, but another CPU was quicker. */
enum element_state { UNCLAIMED, CLAIMED, RETIRING, BURNED };

/* Advances a counter that others advance too, at most to `limit`: the number taken, or NONE. */
static __always_inline u64 advance(u64 *counter, u64 limit)
{
	u64 seen = *counter;

	for (int attempt = 0; attempt < ATTEMPTS && seen < limit; attempt++) {
		u64 found = __sync_val_compare_and_swap(counter, seen, seen + 1);

		if (found == seen)
			return seen;
		seen = found;
	}
	return NONE;
}

/* What was handed out last can be handed out again; else the agent collects it. */
static __always_inline void hand_back(u64 *next, u64 number, u64 *state)
{
	*state = UNCLAIMED;
	if (__sync_val_compare_and_swap(next, number + 1, number) != number + 1)
		*state = BURNED;
}
