/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nothing crosses on its own: nobody records. Cost: nothing. */
enum record_kind { RECORD_FORK, RECORD_EXEC, RECORD_EXIT };
struct held;

static __always_inline void remember_entry(void *ctx, struct held *state, enum side side) {}
static __always_inline void record_acquisition(struct held *state, u64 now, u32 operation) {}
static __always_inline void record_wait(struct wait *wait, u64 now, bool interrupted, u32 operation) {}
static __always_inline void record_failed(struct held *state) {}
static __always_inline void record_change(u64 sem, u32 slot, u64 vma, u64 parent, enum tree_operation change) {}
static __always_inline void record_task(enum record_kind kind, u32 child) {}
