/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMMAP_LINUX_LOG2_H
#define IMMAP_LINUX_LOG2_H

/* For constants of at least 2: BCC sizes its stack maps with it. */
#define roundup_pow_of_two(n) (1UL << (64 - __builtin_clzl((n) - 1)))

#endif
