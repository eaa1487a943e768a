# SPDX-License-Identifier: GPL-2.0-or-later
"""How a file and the numbers of nodes and shards are written in labels."""

from __future__ import annotations

from typing import Final, NamedTuple

from immapscope.outputs.printable import printable
from immapscope.snapshot import Inode


class FileLabels(NamedTuple):
    """`file` is the name for people, `inode` MAJOR:MINOR:NUMBER; the two together are one file.

    The generation is in no label: two files that had one number and one name in succession share
    their series, which go on.
    """

    file: str
    inode: str

    @property
    def text(self) -> str:
        """Both in one, ordered as they are, for who keeps thousands: it takes a third of them."""
        # No label has a NUL: names are printable.
        return f"{self.file}\0{self.inode}"


#: Where all is summed that has no series of its own. A file of that name has an inode.
OTHER: Final = FileLabels("other", "")


def file_labels(inode: Inode) -> FileLabels:
    """The labels of this file; one whose name is not known goes by its number."""
    number = f"{inode.device}:{inode.number}"
    return FileLabels(number if inode.name is None else printable(inode.name), number)


def number_label(number: int | None) -> str:
    """A node or shard; empty where it is not known or there is none."""
    return "" if number is None else str(number)
