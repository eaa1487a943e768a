# SPDX-License-Identifier: GPL-2.0-or-later
"""A recording is what a trace of the same span saw."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import law_storm
import pytest
from tracing import agent, new_file

from immapscope.outputs.render import Format, render
from immapscope.preflight import traceable_kernel
from immapscope.recording.reader import Recording
from immapscope.recording.rebuild import snapshot_of
from immapscope.recording.recorded import Recorded
from immapscope.recording.schema import Kind
from immapscope.snapshot import Mode, Snapshot
from immapscope.tracing.machine import Machine
from immapscope.tracing.request import Request
from immapscope.tracing.run import Span, run
from immapscope.tracing.session import Session
from immapscope.tracing.sizes import Sizes

STORM = [sys.executable, str(Path(law_storm.__file__)), "20"]
COUNT = 997
#: What a storm makes here fits into it whole: an emulated guest whose CPUs are all taken gives the
#: recorder no time for certain, and a test of what is equal is none of how fast it is.
_WHOLE_RING = 128 << 20


@dataclass(frozen=True)
class Both:
    """The same session as it was counted and as it was recorded."""

    live: Snapshot
    recorded: Snapshot
    rows: dict[str, int]
    refused: int
    size: int


def recorded_session(command: list[str], output: Path, request: Request) -> Snapshot:
    """Through the agent's own parts, so that one session is both traced and recorded."""
    kernel = traceable_kernel()
    machine = Machine.from_sysfs()
    descriptor = os.open(output, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        sizes = Sizes(machine.cpus, machine.nodes, ring=_WHOLE_RING)
        with Session(kernel.model, kernel.symbols, machine, request, sizes) as session:
            recorded = Recorded(session, descriptor, command)
            return run(recorded, Span(None, None, command), lambda _: None).snapshot
    finally:
        os.close(descriptor)


@pytest.fixture(scope="module", autouse=True)
def files() -> None:
    for name in [*map(str, range(law_storm.FILES)), "shared"]:
        new_file(f"law-{name}")
    new_file("known")


@pytest.fixture(scope="module")
def both() -> Both:
    output = Path("storm.parquet")
    request = Request(Mode.FULL, folded=True, recorded=True)
    live = recorded_session(STORM, output, request)
    with Recording(output) as recording:
        header = recording.header
        refused = sum(sum(one.refused.values()) for one in header.slots.values())
        rebuilt = snapshot_of(recording, folded=True)
        return Both(live, rebuilt, header.rows, refused, recording.size)


def test_every_output_is_that_of_a_live_trace(both: Both) -> None:
    assert both.live.totals.contended > 20
    assert both.refused == 0
    for form in Format:
        live, recorded = (
            render(snapshot, format=form, header=True) for snapshot in (both.live, both.recorded)
        )
        if form is Format.FOLDED:
            assert sorted(live.splitlines()) == sorted(recorded.splitlines())
        elif form is Format.JSON:
            live_document, document = json.loads(live), json.loads(recorded)
            assert live_document.keys() == document.keys()
            for key, value in live_document.items():
                assert _lines(value) == _lines(document[key]), key
        else:
            assert sorted(live.splitlines()) == sorted(recorded.splitlines())


def _lines(value: object) -> list[str]:
    """In an order of their own: rows that are equal in what they are sorted by may swap."""
    parts = value if isinstance(value, list) else [value]
    return sorted(json.dumps(part, sort_keys=True) for part in parts)


def test_every_acquisition_has_a_row(both: Both) -> None:
    assert both.rows["acquisition"] == both.live.totals.acquisitions
    assert both.rows.get("failed_trylock", 0) == both.live.totals.failed_trylocks
    changes = sum(one.inserts + one.inserts_after + one.removes for one in both.live.shards)
    assert both.rows["tree"] == changes
    assert both.rows["fork"] == both.live.totals.forks
    assert both.rows["exec"] == both.live.totals.execs
    print(f"{both.size / sum(both.rows.values()):.1f} bytes a row")


def test_a_change_belongs_to_its_acquisition_and_a_vma_to_its_life() -> None:
    output = Path("known.parquet")
    done = agent("record", "-o", str(output), "--", "./treeops", "3", "known", "fork", "97")
    assert done.returncode == 0, done.stderr
    with Recording(output) as recording:
        slot = next(
            row["slot"]
            for row in recording.table([Kind.FILE]).to_pylist()
            if row["name"] == b"known" and row["shard"] is not None
        )
        acquisitions = {
            row["acquisition"]: row for row in recording.table([Kind.ACQUISITION]).to_pylist()
        }
        changes = [row for row in recording.table([Kind.TREE]).to_pylist() if row["slot"] == slot]
    assert Counter(row["operation"] for row in changes) == {
        "insert": 5, "insert_after": 5 * 97, "remove": 5 * 98,
    }  # fmt: skip
    alive: dict[tuple[int, int], str] = {}
    for row in changes:
        vma = (row["vma"], row["vma_reuse"])
        assert row["acquisition"] in acquisitions
        if row["operation"] == "remove":
            del alive[vma]
            continue
        assert vma not in alive
        alive[vma] = row["operation"]
        if row["operation"] == "insert_after":
            assert alive[row["parent_vma"], row["parent_reuse"]] == "insert"
            assert acquisitions[row["acquisition"]]["operation"] == "insert_after"
    assert not alive


def test_stacks_of_all_are_of_every_acquisition() -> None:
    output = Path("stacks.parquet")
    command = ["./treeops", "1", "known", "map", str(COUNT)]
    recorded_session(command, output, Request(Mode.FULL, recorded=True, all_stacks=True))
    with Recording(output) as recording:
        assert recording.header.all_stacks
        rows = recording.table([Kind.ACQUISITION], ["stack", "acquisition"]).to_pylist()
        frames = {row["stack"]: row["frames"] for row in recording.table([Kind.STACK]).to_pylist()}
    # The lock of a tree may become known only while it is held, too late for a stack.
    asked = [row for row in rows if row["acquisition"] is not None]
    assert len(asked) >= 2 * COUNT
    known = [frames[row["stack"]] for row in asked]
    assert any("mmap_region" in one for one in known)
