/* SPDX-License-Identifier: GPL-2.0-or-later */
/* No time by stack: nobody asked for folded stacks. Cost: nothing. */
static __always_inline void weigh_stack(struct wait *wait, u64 wait_ns) {}
