# SPDX-License-Identifier: GPL-2.0-or-later
"""What a recording says of itself, in its file's metadata: the session, and what has no row."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Self

from immapscope.errors import ImmapscopeError
from immapscope.recording.schema import VERSION
from immapscope.snapshot import KernelFacts, Mode


@dataclass(frozen=True, slots=True)
class SlotCounts:
    """What the kernel counted for one slot besides its rows.

    `entered`, `in_flight`: acquisitions, then waits. `lost`: by reason, where not 0. `refused`: by
    kind of row, what the ring buffer had no room for; a contended acquisition is also one of
    `refused_waits`. `vmas`: in the tree at the end, None where not known. `sweeps`: how many, and
    the ns that they waited.
    """

    entered: tuple[int, int] = (0, 0)
    in_flight: tuple[int, int] = (0, 0)
    lost: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    refused_waits: int = 0
    vmas: int | None = None
    sweeps: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Header:
    """The session that was recorded.

    `complete`: it was closed; else the recording ends with the last row group that was finished,
    and what was in flight is not known. `duration_ns`: of what is recorded. `node_of_cpu`: each
    CPU's NUMA node. `home_nodes`: that of each shard which has one. `model`: offsets and
    functions of the kernel, for people. `command`: what was run, empty where nothing was. `entered`
    and `boundary` are of acquisitions, then of waits; `recursion`: what the kernel skipped, by
    reason; `rows`: what is in the file, by kind; `slots`: by slot.
    """

    kernel: KernelFacts
    mode: Mode
    started: datetime
    duration_ns: int
    complete: bool
    node_of_cpu: tuple[int, ...]
    home_nodes: dict[int, int]
    spin_known: bool
    all_stacks: bool = False
    command: tuple[str, ...] = ()
    model: dict[str, Any] = field(default_factory=dict)
    entered: tuple[int, int] = (0, 0)
    boundary: tuple[int, int] = (0, 0)
    execs: int = 0
    forks: int = 0
    recursion: dict[str, int] = field(default_factory=dict)
    slots: dict[int, SlotCounts] = field(default_factory=dict)
    locks_full: bool = False
    rows: dict[str, int] = field(default_factory=dict)
    version: int = VERSION

    def dumped(self) -> bytes:
        """As JSON."""
        plain = asdict(self)
        plain["started"] = self.started.isoformat()
        # What is not said is as it is by default: most slots have little to say.
        usual = asdict(SlotCounts())
        plain["slots"] = {
            slot: {key: value for key, value in counts.items() if value != usual[key]}
            for slot, counts in plain["slots"].items()
        }
        return json.dumps(plain, separators=(",", ":")).encode()

    @classmethod
    def loaded(cls, text: bytes) -> Self:
        """Raises ImmapscopeError for what no version of this wrote."""
        try:
            plain = json.loads(text)
            version = plain["version"]
        except (ValueError, TypeError, KeyError) as error:
            raise ImmapscopeError("its metadata is not that of a recording") from error
        if version != VERSION:
            raise ImmapscopeError(
                f"it is of version {version!r}, and this agent reads version {VERSION}: "
                "read it with the agent that wrote it, or record again"
            )
        try:
            slots = {int(key): _slot(counts) for key, counts in plain["slots"].items()}
            known = {one.name: plain[one.name] for one in fields(cls)}
            return cls(
                **{
                    **known,
                    "kernel": KernelFacts(**plain["kernel"]),
                    "mode": Mode(plain["mode"]),
                    "started": datetime.fromisoformat(plain["started"]),
                    "node_of_cpu": tuple(plain["node_of_cpu"]),
                    "home_nodes": {int(k): v for k, v in plain["home_nodes"].items()},
                    "command": tuple(plain["command"]),
                    "entered": tuple(plain["entered"]),
                    "boundary": tuple(plain["boundary"]),
                    "slots": slots,
                }
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ImmapscopeError(f"its metadata is damaged: {error!r}") from error


def _slot(counts: dict[str, Any]) -> SlotCounts:
    pairs = {name: tuple(counts[name]) for name in _PAIRS if name in counts}
    return SlotCounts(**{**counts, **pairs})


_PAIRS = ("entered", "in_flight", "sweeps")
