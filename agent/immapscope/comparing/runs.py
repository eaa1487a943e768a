# SPDX-License-Identifier: GPL-2.0-or-later
"""The runs of one side: JSON of `trace`, or recordings, read and checked."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from immapscope.errors import UsageError
from immapscope.grouping import ALL_KEYS, SortKey
from immapscope.modules import needed
from immapscope.outputs.json import SCHEMA
from immapscope.outputs.render import Format, render

_SUFFIXES: Final = (".json", ".parquet")
_PARQUET: Final = b"PAR1"


class _Part(BaseModel):
    # What a later schema adds is no reason to refuse; what this reads must be what it expects.
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class File(_Part):
    """A row's inode, as far as runs on several kernels have it in common."""

    name: str | None
    path: str | None = None
    device: str
    number: int


class Buckets(_Part):
    """A row's histogram of waits: upper bounds in seconds, and one count more than those."""

    le: list[float]
    count: list[int]

    @model_validator(mode="after")
    def _one_more(self) -> Self:
        if len(self.count) != len(self.le) + 1:
            raise ValueError("a histogram has one count more than bounds")
        return self


class RunRow(_Part):
    """A row; a key that was not grouped by is None. `rest_of`: rows that `--top` summed into it."""

    inode: File | None = None
    node: int | None = None
    operation: str | None = None
    cause: str | None = None
    acquisitions: int | None
    contended: int
    wait_seconds: float
    wait_seconds_max: float
    wait_buckets: Buckets | None
    rest_of: int = 0


class Changes(_Part):
    """Changes of one file's trees by CPUs of one node."""

    inode: File | None
    node: int
    inserts: int
    inserts_after: int
    removes: int

    @property
    def count(self) -> int:
        """All of them."""
        return self.inserts + self.inserts_after + self.removes


class Facts(_Part):
    """The kernel of a run."""

    release: str
    layout: str
    shards: int
    shard_policy: str | None
    nodes: int
    cpus: int

    def __str__(self) -> str:
        several = f", {self.shards} shards by {self.shard_policy}" if self.shards > 1 else ""
        return f"{self.release}, {self.layout}{several}"


class Totals(_Part):
    """Sums over the rows, and what the machine did."""

    acquisitions: int | None
    contended: int
    wait_seconds: float
    execs: int
    forks: int


class Lost(_Part):
    """One reason of loss."""

    unit: str
    count: int
    upper_bound: bool


class Document(_Part):
    """JSON of `trace`, of schema 1."""

    schema_: int
    kernel: Facts
    mode: str
    duration_seconds: float
    by: list[str]
    rows: list[RunRow]
    tree_operations: list[Changes] = []
    loss: dict[str, Lost]
    totals: Totals
    command: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One run: where it came from, and what it measured."""

    source: str
    document: Document

    @property
    def lost_share(self) -> float:
        """Of the waits that entered, the share that was lost."""
        lost = sum(
            one.count
            for one in self.document.loss.values()
            if one.unit == "waits" and not one.upper_bound
        )
        return lost / max(1, lost + self.document.totals.contended)


def read_side(where: str) -> list[Run]:
    """The runs that a word of the command line names: a file, a folder, or a glob.

    Raises UsageError: for what cannot be read, and where there is nothing.
    """
    path = Path(where)
    if path.is_dir():
        found = sorted(str(one) for one in path.iterdir() if one.suffix in _SUFFIXES)
        if not found:
            raise UsageError(f"{where!r}: no {' or '.join(_SUFFIXES)} in this folder")
    elif path.exists() or not (found := sorted(glob(where))):
        found = [where]
    return [_read(one) for one in found]


def _read(path: str) -> Run:
    try:
        with open(path, "rb") as file:
            begins = file.read(len(_PARQUET))
            if begins == _PARQUET:
                return _recorded(path)
            text = begins + file.read()
    except OSError as error:
        raise UsageError(f"{path!r}: {error.strerror}") from error
    return Run(path, _document(path, text))


def _recorded(path: str) -> Run:
    needed("pyarrow", "recording")
    from immapscope.recording.reader import Recording
    from immapscope.recording.rebuild import snapshot_of

    with Recording(path) as recording:
        snapshot = snapshot_of(recording)
    text = render(snapshot, format=Format.JSON, keys=ALL_KEYS, sort=SortKey.WAIT)
    return Run(path, _document(path, text.encode()))


def _document(path: str, text: bytes) -> Document:
    try:
        plain = json.loads(text)
    except ValueError as error:
        if str(error).startswith("Extra data"):
            raise UsageError(
                f"{path!r} holds several documents (trace --interval): intervals of one run are no "
                "repeated runs; give a file for each run"
            ) from error
        why = "it is not text" if isinstance(error, UnicodeDecodeError) else error
        raise UsageError(f"{path!r} is neither JSON of trace nor a recording: {why}") from error
    schema = plain.get("schema") if isinstance(plain, dict) else None
    if schema != SCHEMA:
        raise UsageError(
            f"{path!r}: its schema is {schema!r}, and `trace --format json` has schema {SCHEMA}"
        )
    try:
        return Document.model_validate({**plain, "schema_": schema})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"{path!r} is not what `trace --format json` prints: {place}: {first['msg']}"
        ) from error


def differences(one: Sequence[Run], other: Sequence[Run]) -> Iterator[str]:
    """What makes the two sides, or runs of one of them, no comparison; none where they may be."""
    runs = [*one, *other]
    yield from _differ("mode", {run.source: repr(run.document.mode) for run in runs})
    yield from _differ("--by", {run.source: repr(",".join(run.document.by)) for run in runs})
    machines = {run.source: _machine(run.document.kernel) for run in runs}
    yield from _differ("machine", machines)
    # What is not known may have been anything.
    yield from _differ("workload", {run.source: _workload(run.document.command) for run in runs})
    for side, name in ((one, "A"), (other, "B")):
        kernels = {run.source: repr(str(run.document.kernel)) for run in side}
        yield from _differ(f"kernel within {name}", kernels)
    lengths = {run.source: run.document.duration_seconds for run in runs}
    shortest, longest = min(lengths, key=lengths.__getitem__), max(lengths, key=lengths.__getitem__)
    # The same work may take longer on one side; where no command is known it may have been less.
    known = all(run.document.command is not None for run in runs)
    if not known and lengths[longest] > 2 * lengths[shortest]:
        yield (
            f"duration: {lengths[shortest]:.3g} s in {shortest!r}, "
            f"{lengths[longest]:.3g} s in {longest!r}"
        )
    for run in runs:
        if run.lost_share > 0.01:
            yield f"loss: {100 * run.lost_share:.1f} % of the waits in {run.source!r}"


def _machine(facts: Facts) -> str:
    return repr(f"{facts.nodes} nodes, {facts.cpus} CPUs")


def _workload(command: Sequence[str] | None) -> str:
    return "no command" if command is None else repr(shlex.join(command))


def _differ(what: str, values: Mapping[str, str]) -> Iterator[str]:
    """`values`: by what each run was read from, printable; the first two that differ are told."""
    first, of_first = next(iter(values.items()))
    for source, value in values.items():
        if value != of_first:
            yield f"{what}: {of_first} in {first!r}, {value} in {source!r}"
            return
