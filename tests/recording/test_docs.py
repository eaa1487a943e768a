# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/recording.md tells the schema as it is: python3 -m tests.recording.test_docs writes it."""

from __future__ import annotations

import re
from pathlib import Path

from immapscope.recording.schema import SCHEMA, Kind

PAGE = Path(__file__).parents[2] / "docs/recording.md"
_MARK = "<!-- columns: kept by tests/recording/test_docs.py -->\n"
_TABLE = re.compile(re.escape(_MARK) + r"\n?(?:\|.*\n)*")


def columns() -> str:
    """The table of the columns, in Markdown."""
    lines = ["| column | type | is |", "| --- | --- | --- |"]
    for field in SCHEMA:
        type_ = "string" if "dictionary" in str(field.type) else str(field.type)
        lines.append(f"| `{field.name}` | {type_} | {field.metadata[b'about'].decode()} |")
    return _MARK + "\n" + "\n".join(lines) + "\n"


def test_every_column_is_told() -> None:
    assert columns() in PAGE.read_text()


def test_every_kind_is_told() -> None:
    page = PAGE.read_text()
    assert [kind for kind in Kind if f"`{kind}`" not in page] == []


if __name__ == "__main__":
    PAGE.write_text(_TABLE.sub(lambda _: columns(), PAGE.read_text()))
