# SPDX-License-Identifier: GPL-2.0-or-later
"""Another BPF program on the machine, of somebody who knows nothing of the agent."""

from __future__ import annotations

import os
from typing import Any

SLOW_PATH = "rwsem_down_write_slowpath"

#: The largest element that an array of each CPU can have (PCPU_MIN_UNIT_SIZE, linux/percpu.h).
LARGE_BYTES = 32 << 10

_TEXT = f"""
struct large {{ u64 words[{LARGE_BYTES // 8}]; }};
BPF_PERCPU_ARRAY(hammered, struct large, 1);
KFUNC_PROBE(rwsem_down_write_slowpath, void *sem) {{ return 0; }}
KRETFUNC_PROBE(rwsem_down_write_slowpath, void *sem) {{ return 0; }}
"""


def module() -> Any:
    """A compiled module of which nothing is attached yet."""
    os.environ["BCC_KERNEL_SOURCE"] = "/lab/checkout/probes"
    import bcc

    class Unattached(bcc.BPF):  # type: ignore[misc]  # bcc ships no types
        def _trace_autoload(self) -> None:
            pass

    return Unattached(text=_TEXT)
