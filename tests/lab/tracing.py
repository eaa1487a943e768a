# SPDX-License-Identifier: GPL-2.0-or-later
"""Run the agent as a person would, and look things up in what it prints."""

from __future__ import annotations

import json
import mmap
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]

#: CPUs 2n and 2n + 1 are node n's in the lab's default topology.
CPUS_OF_NODE = {node: (2 * node, 2 * node + 1) for node in range(4)}


#: The layout of this kernel, as the lab names those that it builds.
LAYOUT = next(
    (one for one in ("split", "inverted", "tree-only") if f"-{one}" in os.uname().release), "single"
)
_ASKED = re.search(r"i_mmap_shards=(\S+)", Path("/proc/cmdline").read_text())
#: By which this kernel chooses the tree of a new mapping, as the lab's patches name it.
POLICY = _ASKED[1] if _ASKED else ("cpu" if LAYOUT == "inverted" else "node")
#: i_mmap locks that a change of one mapping takes.
LOCKS_OF_A_CHANGE = 2 if LAYOUT == "inverted" else 1


def shard_of(cpu: int) -> int:
    """Where a mapping made on this CPU must go, under a policy by which that follows from it."""
    return {"node": cpu // 2, "cpu": cpu}[POLICY]


@dataclass(frozen=True)
class Report:
    """What `trace --format json` printed."""

    document: Json

    def rows(self, file: Path | None = None, **wanted: object) -> list[Json]:
        """The rows of `file` (None: any) whose keys have these values."""
        return [
            row
            for row in self.document["rows"]
            if (file is None or is_file(row["inode"], file))
            and all(row[key] == value for key, value in wanted.items())
        ]

    def total(self, what: str, file: Path | None = None, **wanted: object) -> int:
        """The sum of a count over those rows."""
        return sum(row[what] or 0 for row in self.rows(file, **wanted))

    def tree_operations(self, file: Path) -> dict[int, tuple[int, int, int]]:
        """(inserts, inserts after, removes) of `file` by node."""
        found: dict[int, tuple[int, int, int]] = {}
        for one in self.document["tree_operations"]:
            if is_file(one["inode"], file):
                inserts, after, removes = found.get(one["node"], (0, 0, 0))
                found[one["node"]] = (
                    inserts + one["inserts"],
                    after + one["inserts_after"],
                    removes + one["removes"],
                )
        return found

    def lost(self, unit: str, *, upper_bounds: bool = False) -> int:
        """What was lost of `unit`, without what is only an upper bound, or that alone."""
        return sum(
            loss["count"]
            for loss in self.document["loss"].values()
            if loss["unit"] == unit and loss["upper_bound"] is upper_bounds
        )

    def law(self) -> dict[str, int]:
        """What entered minus all that it must be the sum of, by unit: zero where the law holds."""
        document, totals = self.document, self.document["totals"]
        entered, in_flight = document["entered"], document["in_flight"]
        differences = {
            "waits": entered["waits"]
            - totals["contended"]
            - totals["interrupted"]
            - in_flight["waits"]
            - self.lost("waits")
        }
        if totals["acquisitions"] is not None:
            differences["acquisitions"] = (
                entered["acquisitions"]
                - totals["acquisitions"]
                - totals["failed_trylocks"]
                - in_flight["acquisitions"]
                - self.lost("acquisitions")
            )
        return differences


def is_file(inode: Json | None, file: Path) -> bool:
    """Whether this is the inode of `file`, by device and number as stat() tells them."""
    if inode is None:
        return False
    found = file.stat()
    device = f"{os.major(found.st_dev)}:{os.minor(found.st_dev)}"
    return bool(inode["device"] == device and inode["number"] == found.st_ino)


def agent(
    *arguments: str, timeout: float = 600, inside: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """`immapscope ARGUMENTS`, as a command of `inside`, whatever comes of it."""
    return subprocess.run(
        [*inside, "immapscope", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def trace(
    options: Sequence[str],
    command: Sequence[str],
    timeout: float = 600,
    inside: Sequence[str] = (),
) -> Report:
    """A session around `command`, which must succeed."""
    output = Path("trace.json")
    output.unlink(missing_ok=True)
    done = agent(
        "trace", "--format", "json", "--output", str(output), *options, "--", *command,
        timeout=timeout, inside=inside,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return Report(json.loads(output.read_text()))


@contextmanager
def layouts_unknown() -> Iterator[None]:
    """Meanwhile the agent knows no layout and must learn this kernel's by watching."""
    os.environ["IMMAPSCOPE_LAYOUTS"] = "unknown"
    try:
        yield
    finally:
        del os.environ["IMMAPSCOPE_LAYOUTS"]


@contextmanager
def mapped_from(cpu: int, file: Path) -> Iterator[None]:
    """Meanwhile one page of the file is mapped, by a mapping that was made on this CPU."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    with (
        file.open("rb") as opened,
        mmap.mmap(opened.fileno(), mmap.PAGESIZE, mmap.MAP_SHARED, mmap.PROT_READ),
    ):
        os.sched_setaffinity(0, before)
        yield


def new_file(name: str, pages: int = 8) -> Path:
    """An ext4 file of its own, written out so that nothing maps it later for writeback."""
    path = Path(name).absolute()
    path.write_bytes(bytes(4096 * pages))
    os.sync()
    return path
