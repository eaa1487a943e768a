# SPDX-License-Identifier: GPL-2.0-or-later
"""The golden outputs of one small session; `python -m tests.outputs.rendered` writes them anew."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from immapscope.grouping import Key, SortKey
from immapscope.outputs.render import Format, render
from tests.synthetic import exec_storm

GOLDEN: Final = Path(__file__).parent / "golden"


def renderings() -> dict[str, str]:
    """File name of each golden output to what it should hold now."""
    storm = exec_storm()
    by_cause = (Key.INODE, Key.CAUSE, Key.OPERATION)
    return {
        "table-80.txt": render(storm, format=Format.TABLE, width=80),
        "table-120.txt": render(storm, format=Format.TABLE, width=120),
        "table-by-cause.txt": render(storm, format=Format.TABLE, keys=by_cause),
        "table-top-2.txt": render(storm, format=Format.TABLE, top=2, width=100),
        "all-keys.json": render(storm, format=Format.JSON),
        "by-inode-top-1.json": render(storm, format=Format.JSON, keys=[Key.INODE], top=1),
        "all-keys.csv": render(storm, format=Format.CSV),
        "by-node-sorted-by-name.csv": render(
            storm, format=Format.CSV, keys=[Key.NODE], sort=SortKey.NAME
        ),
        "stacks.folded": render(storm, format=Format.FOLDED),
    }


if __name__ == "__main__":
    for name, text in renderings().items():
        (GOLDEN / name).write_text(text, encoding="utf-8")
