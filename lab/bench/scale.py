# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the cost grows: with the VMAs in a file's tree, and with the files that are tracked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any, Final

from lab.bench import results

_TIMES: Final = 3000
#: As many as libc's tree has on the machine of the thread.
_VMAS: Final = 6000
#: Nearly as many as have a slot of their own where nobody says otherwise.
_FILES: Final = 4000

#: Of guest/scaled.py: the name of each state, and how often a page is mapped and unmapped in it.
COUNTS: Final = {"few": _TIMES, "vmas": _TIMES, "files": _TIMES}
WORKS: Final = (f"scaled:{_TIMES}:{_VMAS}:{_FILES}",)
CONTENDERS: Final = ("contention", "full")

_HEAD: Final = (
    "instructions of a mmap and munmap", "of a file that nobody else maps",
    f"among {_VMAS:,} VMAs", f"with {_FILES:,} other files tracked",
)  # fmt: skip


def table(measured: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Markdown: what they take with nothing, and what each mode adds."""
    yield f"| {' | '.join(_HEAD)} |"
    yield f"| --- {'| ---: ' * (len(_HEAD) - 1)}|"
    bare = (fmean(one["bare"][work] for one in measured) / COUNTS[work] for work in COUNTS)
    yield f"| with nothing | {' | '.join(f'{each:,.0f}' for each in bare)} |"
    for one in results.contenders(measured, COUNTS):
        if one.failed:
            yield f"| {one.name} | {results.reason(one.failed)} | | |"
            continue
        cells = (one.added[work].told("{:,.0f}") for work in COUNTS)
        yield f"| added by {one.name} mode | {' | '.join(cells)} |"
