# SPDX-License-Identifier: GPL-2.0-or-later
"""How much a session has room for: the sizes of its maps. `immapscope doctor` says what they cost.

Apart from source.py, so that who only reads the maps needs nothing that knows kernels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from immapscope.errors import ImmapscopeError

#: OPERATIONS of probes/cell.c: codes of operations are below it.
OPERATIONS = 8
#: A file that every node waits for behind every other has rows by the square of the nodes.
_ROWS_OF_A_NODE = 4096
_FEW_NODES = 4

#: The ring buffer of a recording, a power of two.
RING_BYTES = 32 << 20

#: Locks of trees that are remembered, where trees have locks.
_LOCKS = 65536

#: Bytes of kernel text that one element of the text index describes: four granules of 16 bytes.
TEXT_ELEMENT_BYTES = 64


def rows_for(nodes: int, of_a_node: int) -> int:
    """Rows of a session on a machine of so many nodes; a small one has no fewer than four."""
    return of_a_node * max(nodes, _FEW_NODES)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many of each a session has room for; what does not fit is counted, see docs."""

    cpus: int
    nodes: int
    files: int = 4096
    rows: int = 0
    stacks: int = 8192
    waiting: int = 16384
    held: int = 16384
    locks: int = _LOCKS
    functions: int = 1024
    ring: int = RING_BYTES
    text_base: int = 0
    text_bytes: int = 0

    def __post_init__(self) -> None:
        if self.files < 2 or min(self.waiting, self.held) < 1:
            raise ImmapscopeError("map sizes: files need at least 2, states at least 1")
        if not self.rows:
            object.__setattr__(self, "rows", rows_for(self.nodes, _ROWS_OF_A_NODE))
        if self.rows <= self.coarse_rows:
            raise ImmapscopeError(f"map sizes: rows need more than {self.coarse_rows}")

    @property
    def coarse_rows(self) -> int:
        """Rows kept for what finds no other: one for each node and operation."""
        return self.nodes * OPERATIONS

    @property
    def text_elements(self) -> int:
        """Elements of the text index, at least one."""
        return self.text_bytes // TEXT_ELEMENT_BYTES + 1

    def with_text(self, base: int, length: int) -> Sizes:
        """The same sizes for kernel text that starts at `base` and is `length` bytes long."""
        return replace(self, text_base=base, text_bytes=length)
