/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The session: one flag that opens and closes it, what entered it, and how kernel memory is read.
 * Cost: an open session adds one atomic add on a line of its own CPU for each event that is an
 * i_mmap lock's; a closed one leaves after one array load, behind the filter where most events
 * are foreign.
 */
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8;
	unsigned long ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};

enum unit { ACQUISITION, WAIT, UNITS };
enum side { READ_SIDE, WRITE_SIDE };
enum tree_operation { INSERT, INSERT_AFTER, REMOVE, TREE_OPERATIONS };

/* Written by the agent through its mapping: no map syscall while programs run. */
struct control {
	u64 running;
	struct pool files;
	struct pool rows;
	/*
	 * Before it opens: which process maps files to teach what their mappings do, as its own PID
	 * namespace calls it; whether the file shall have a slot, and what it taught.
	 */
	u64 learner;
	u64 namespace_device;
	u64 namespace_inode;
	u64 places_only;
	u64 learnt;
	u64 learnt_shard;
	/* Trees that a file has, 0 until one was looked at. */
	u64 shards;
	/* Where trees have locks: the table of those has no room. */
	u64 locks_full;
};
BPF_F_TABLE("array", u32, struct control, control, 1, BPF_F_MMAPABLE);

struct cpu_counts {
	u64 entered[UNITS];
	u64 boundary[UNITS];
	u64 execs;
	u64 forks;
	/* Acquisitions that were given an id. */
	u64 serial;
	u64 line;
};
BPF_F_TABLE("array", u32, struct cpu_counts, cpu_counts, CPUS, BPF_F_MMAPABLE);

struct number {
	u64 value;
};
BPF_F_TABLE("array", u32, struct number, node_of_cpu, CPUS, BPF_F_MMAPABLE);

static __always_inline bool running(void)
{
	u32 zero = 0;
	struct control *now = control.lookup(&zero);

	return now && now->running;
}

static __always_inline bool learning(void)
{
	struct bpf_pidns_info here = {};
	u32 zero = 0;
	struct control *now = control.lookup(&zero);

	if (!now || !now->learner)
		return false;
	if (bpf_get_ns_current_pid_tgid(now->namespace_device, now->namespace_inode, &here, sizeof(here)))
		return false;
	return now->learner == here.tgid;
}

static __always_inline struct cpu_counts *this_cpu(void)
{
	u32 cpu = bpf_get_smp_processor_id();

	return cpu_counts.lookup(&cpu);
}

/* Atomic although the line is this CPU's own: a preempted program would lose a plain increment. */
static __always_inline void count(u64 *counter, u64 by)
{
	__sync_fetch_and_add(counter, by);
}

static __always_inline void count_entered(enum unit unit)
{
	struct cpu_counts *counts = this_cpu();

	if (counts)
		count(&counts->entered[unit], 1);
}

static __always_inline void count_boundary(enum unit unit)
{
	struct cpu_counts *counts = this_cpu();

	if (counts)
		count(&counts->boundary[unit], 1);
}

static __always_inline u64 read_u64(u64 address)
{
	u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (void *)address);
	return value;
}

static __always_inline u32 read_u32(u64 address)
{
	u32 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (void *)address);
	return value;
}
