# SPDX-License-Identifier: GPL-2.0-or-later
"""What a session is asked to measure, and how it is to be attached."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from immapscope.snapshot import Mode


class Attach(StrEnum):
    """How a session's programs are attached."""

    MIXED = "mixed"
    FENTRY = "fentry"
    KPROBE = "kprobe"


@dataclass(frozen=True, slots=True)
class Request:
    """What to measure and how.

    `claim_early`: every file that is seen gets a slot, as long as there are slots; else only those
    whose lock somebody waited for. `recorded`: each event crosses on its own as well, with the
    stack of a contended wait, or of every acquisition if `all_stacks`.
    """

    mode: Mode
    attach: Attach = Attach.MIXED
    tree_operations: bool = True
    folded: bool = False
    claim_early: bool = True
    recorded: bool = False
    all_stacks: bool = False
