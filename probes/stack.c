/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stacks: what a waiter was doing and why, from the kernel functions above it.
 * Cost: one unwind for each contended wait, as it begins, so that it prolongs no
 * hold; a second unwind and a look at each frame once for each distinct stack.
 */
#define DEPTH 127
#define GRANULE_LOG2 4
#define CLASS_KNOWN (1u << 16)
#define CLASS_OPERATION(class) ((class) & 0xff)
#define CLASS_CAUSE(class) (((class) >> 8) & 0xff)

BPF_STACK_TRACE(stack_ids, STACKS);

struct stack_class {
	u64 class;
};
BPF_TABLE("array", u32, struct stack_class, stack_classes, STACKS);

/* The known functions, sorted by address; element 0 is none. */
struct function {
	u64 start;
	u64 end;
	u64 operation;
	u64 cause;
	u64 priority;
};
BPF_F_TABLE("array", u32, struct function, functions, FUNCTIONS, BPF_F_MMAPABLE);

/* For each 16 bytes of kernel text the first known function in them, four to an element. */
struct granules {
	u64 four;
};
BPF_F_TABLE("array", u32, struct granules, text_index, TEXT_ELEMENTS, BPF_F_MMAPABLE);

struct frames {
	u64 owner;
	/* One more than is used, since the verifier wants an index that a mask bounds. */
	u64 address[DEPTH + 1];
};
BPF_PERCPU_ARRAY(scratch, struct frames, 1);

static __always_inline struct function *function_at(u64 address)
{
	u64 granule = (address - TEXT_BASE) >> GRANULE_LOG2;
	u32 element = granule >> 2, number;
	struct granules *granules;
	struct function *function;

	if (address < TEXT_BASE || granule >> 2 >= TEXT_ELEMENTS)
		return NULL;
	granules = text_index.lookup(&element);
	if (!granules)
		return NULL;
	number = (granules->four >> ((granule & 3) * 16)) & 0xffff;
	if (!number)
		return NULL;
	function = functions.lookup(&number);
	if (function && address >= function->end) {
		/* Unaligned functions may share a granule: the next one by address is the other. */
		number++;
		function = functions.lookup(&number);
	}
	return function && address >= function->start && address < function->end ? function : NULL;
}

/* 0 where the stack could not be read, so that the cause stays unknown and is not guessed. */
static __always_inline u32 classify(void *ctx)
{
	u32 zero = 0, operation = 0, cause = 0;
	u64 priority = 0;
	u64 owner = bpf_get_current_pid_tgid();
	struct frames *frames = scratch.lookup(&zero);
	long size;

	if (!frames)
		return 0;
	frames->owner = owner;
	size = bpf_get_stack(ctx, frames->address, DEPTH * sizeof(u64), 0);
	if (size <= 0)
		return 0;
	for (int i = 0; i < DEPTH; i++) {
		struct function *function;
		u32 at = i;

		if (i * 8 >= size)
			break;
		/* Else the compiler walks a pointer, whose end the verifier cannot see. */
		asm volatile("" : "+r"(at));
		/* A return address may be the first byte after a function that does not return. */
		function = function_at(frames->address[at & DEPTH] - 1);
		if (!function)
			continue;
		if (!operation)
			operation = function->operation;
		/* Outwards: an outer entry counts for more, reclaim and its like for more than any entry. */
		if (function->cause && function->priority >= priority) {
			cause = function->cause;
			priority = function->priority;
		}
	}
	/* Kernels before 6.3 may preempt here: another task on this CPU then wrote over the frames. */
	if (frames->owner != owner)
		return 0;
	return CLASS_KNOWN | (operation ? operation : OPERATION_OTHER) |
	       (cause ? cause : CAUSE_OTHER) << 8;
}

/* One place that classifies: its code is long, and compiled wherever it is called. */
static __always_inline u32 class_of_stack(void *ctx, s32 *id)
{
	struct stack_class *known = NULL;
	u32 class, index;

	*id = stack_ids.get_stackid(ctx, 0);
	index = *id;
	if (*id >= 0)
		known = stack_classes.lookup(&index);
	if (known && known->class)
		return known->class;
	class = classify(ctx);
	if (!known)
		return class;
	/* Of two new stacks with one hash the later may have taken the place of the earlier. */
	*id = stack_ids.get_stackid(ctx, 0);
	if (*id == (s32)index)
		known->class = class;
	return class;
}
