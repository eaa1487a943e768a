/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sweeps are known by what they hold, or there are none. Cost: nothing. */
static __always_inline void note_swept_wait(struct wait *wait, u64 now) {}
