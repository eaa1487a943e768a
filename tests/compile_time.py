# SPDX-License-Identifier: GPL-2.0-or-later
"""Seconds that BCC takes to compile a session's probes: `python -m tests.compile_time [KERNEL]`.

As root, on any machine whose BCC may make maps: what is compiled is loaded nowhere. CPU seconds,
the least of some, since this machine may have other things to do.
"""

from __future__ import annotations

import sys
import time
from typing import Final

from immapscope.snapshot import Mode
from immapscope.tracing.loader import Module
from immapscope.tracing.programs import programs
from immapscope.tracing.request import Attach, Request
from immapscope.tracing.sizes import Sizes
from immapscope.tracing.source import module_text
from tests.kernel.saved import SavedKernel

_TIMES: Final = 5


def main(kernel: str = "stock-6.12") -> None:
    """A line for each mode."""
    model = SavedKernel(kernel).model
    for mode in Mode:
        chosen = programs(model, mode, Attach.MIXED)
        text = module_text(model, Sizes(cpus=8, nodes=4), chosen, Request(mode))
        print(f"{mode.value:<12} {min(compiled(text) for _ in range(_TIMES)):.2f} s")


def compiled(text: str) -> float:
    """CPU seconds."""
    began = time.process_time()
    Module(text).close()
    return time.process_time() - began


if __name__ == "__main__":
    main(*sys.argv[1:])
