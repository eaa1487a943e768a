# SPDX-License-Identifier: GPL-2.0-or-later
"""What the maps take is computed from what the probes declare, and stays within 64 MB."""

from __future__ import annotations

import re

import pytest

from immapscope.snapshot import Mode
from immapscope.tracing import memory
from immapscope.tracing.memory import LARGE, kernel_bytes
from immapscope.tracing.programs import programs
from immapscope.tracing.request import Attach, Request
from immapscope.tracing.sizes import Sizes
from immapscope.tracing.source import module_text, probes_directory
from tests.kernel.saved import SavedKernel
from tests.tracing.c_structs import CText

TEXT = (0xFFFFFFFF81000000, 32 << 20)
KERNELS = ("stock-7.x", "tree-only", "split", "inverted")
MAP = re.compile(
    r"^BPF_(?:F_)?(?:TABLE|ARRAY|PERCPU_ARRAY|STACK_TRACE|RINGBUF_OUTPUT)\(", re.MULTILINE
)
C = CText("\n".join(file.read_text() for file in sorted(probes_directory().glob("*.c"))))


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("kernel", KERNELS)
def test_the_largest_machine_takes_less_than_64_mb(kernel: str, mode: Mode) -> None:
    sizes = Sizes(*LARGE).with_text(*TEXT)
    assert kernel_bytes(SavedKernel(kernel).model, Request(mode), sizes) < 64 << 20


REQUESTS = [Request(mode, folded=folded) for mode in Mode for folded in (False, True)]
REQUESTS.append(Request(Mode.FULL, recorded=True))


@pytest.mark.parametrize("wanted", REQUESTS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_every_map_is_in_the_sum(kernel: str, wanted: Request) -> None:
    model, sizes = SavedKernel(kernel).model, Sizes(8, 4)
    text = module_text(model, sizes, programs(model, wanted.mode, Attach.MIXED), wanted)
    assert len(list(memory._maps(model, wanted, sizes))) == len(MAP.findall(text))


def test_structs_that_only_programs_use_have_these_sizes() -> None:
    named = {
        "row_key": memory._ROW_KEY,
        "file_key": memory._FILE_KEY,
        "lock": memory._LOCK,
        "held_key": memory._HELD_KEY,
        "refused": memory._REFUSED,
    }
    assert {name: C.struct(name).size for name in named} == named
    assert C.constants["DEPTH"] == memory._DEPTH


def test_a_hash_has_whole_buckets_and_an_array_whole_pages() -> None:
    assert memory._array(8, 1) == memory._array(12, 256) == 4096
    # 1,000 elements and one for each CPU of 48 + 8 + 8 bytes, 1,024 buckets of 16.
    assert memory._hash(4, 4, 1000, 8) == 1008 * 64 + 1024 * 16
