// SPDX-License-Identifier: GPL-2.0-or-later
// No layout that is known: a tree that is only declared. And functions that take something else.
#include "primitives.h"
#define I_MMAP struct i_mmap_forest *i_mmap; struct rw_semaphore i_mmap_rwsem;
#define STRANGE_FUNCTIONS
#include "kernel.h"
