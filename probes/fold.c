/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time by stack, for flame graphs: only where folded stacks were asked for.
 * Cost: one hash lookup and two atomic adds at the end of each contended wait.
 */
/* -EEXIST of bpf_get_stackid(): another stack has the same hash. */
#define STACK_COLLIDED (-17)

struct stack_key {
	u32 slot;
	s32 stack;
};

struct stack_weight {
	u64 waits;
	u64 wait_ns;
};
BPF_TABLE("hash", struct stack_key, struct stack_weight, stack_weights, STACKS);

static __always_inline void weigh_stack(struct wait *wait, u64 wait_ns)
{
	struct stack_key key = {.slot = wait->slot, .stack = wait->stack};
	struct stack_weight none = {}, *weight;

	if (wait->stack < 0) {
		/* Any other error was counted as unreadable when the wait began. */
		if (wait->stack == STACK_COLLIDED)
			count_lost(wait->slot, wait->node, LOST_STACK_COLLIDED);
		return;
	}
	weight = stack_weights.lookup_or_try_init(&key, &none);
	if (!weight) {
		count_lost(wait->slot, wait->node, LOST_STACKS_FULL);
		return;
	}
	count(&weight->waits, 1);
	count(&weight->wait_ns, wait_ns);
}
