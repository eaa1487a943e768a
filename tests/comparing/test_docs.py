# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/compare.md shows what is printed: python3 -m tests.comparing.test_docs writes it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Final

from immapscope.comparing.comparison import compare
from immapscope.comparing.document import document as json_of
from immapscope.comparing.mail import mail
from immapscope.comparing.runs import Run
from tests.comparing.made import Plain, changes, document, read, row

PAGE: Final = Path(__file__).parents[2] / "docs/compare.md"
_MARK: Final = "<!-- example: kept by tests/comparing/test_docs.py -->\n"
_EXAMPLE: Final = re.compile(re.escape(_MARK) + r"```\n.*?\n```\n", re.DOTALL)

RUNS: Final = 6
#: Seconds that a run waits for each file, on either side: all but one are better off.
FILES: Final = {
    "libc.so.6": (9.0, 0.7),
    "ld-linux-x86-64.so.2": (4.0, 0.3),
    "execstorm": (0.2, 0.2),
    "locale-archive": (0.0, 0.06),
}
#: The share of that by node, operation and cause.
SHARES: Final = (
    (0, "insert", "exec", 0.15), (1, "insert", "exec", 0.35), (0, "remove", "exit", 0.2),
    (1, "remove", "exit", 0.3),
)  # fmt: skip
KERNELS: Final = (
    {"release": "6.12.1-single", "layout": "single", "shards": 1, "shard_policy": None},
    {"release": "6.12.1-split", "layout": "split", "shards": 2, "shard_policy": "node"},
)


def side(number: int, random: Random) -> list[Run]:
    return [read(made(number, random)) for _ in range(RUNS)]


def made(number: int, random: Random) -> Plain:
    """A run whose waits scatter by a fifth, those of one file by one cause by a tenth more."""
    rows, scale = [], random.lognormvariate(0, 0.2)
    for name, waits in FILES.items():
        for node, operation, cause, share in SHARES:
            wait = waits[number] * share * scale * random.lognormvariate(0, 0.1)
            rows.append(row(name, node, operation, cause, wait))
    made = document(rows, [changes(name, node, 1500) for name in FILES for node in (0, 1)])
    made["kernel"] |= KERNELS[number]
    return made


def sides() -> tuple[Sequence[Run], Sequence[Run]]:
    random = Random(1)
    return side(0, random), side(1, random)


def example() -> str:
    """As in the page."""
    return f"{_MARK}```\n{mail(compare(*sides(), paired=False, seed=1), detail=False)}```\n"


def test_the_example_is_what_is_printed() -> None:
    assert example() in PAGE.read_text()


def test_every_key_of_its_json_is_told() -> None:
    page = PAGE.read_text()
    keys = set(re.findall(r'"(\w+)":', json_of(compare(*sides(), paired=False, seed=1))))
    assert [key for key in sorted(keys) if f"`{key}`" not in page] == []


if __name__ == "__main__":
    PAGE.write_text(_EXAMPLE.sub(lambda _: example(), PAGE.read_text()))
