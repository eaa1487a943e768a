# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes what comes out of the ring into a file while a session runs, in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from immapscope.recording.files import FileRows
from immapscope.recording.header import Header
from immapscope.recording.records import RECORD, Records
from immapscope.recording.rows import Rows, table
from immapscope.recording.schema import Kind
from immapscope.recording.writer import Writer

#: Records that are kept until a row group is made of them: 40 MB.
GROUP: Final = 1 << 19
#: Seconds after which a smaller one is made, so that whoever is killed loses no more; a long
#: recording has them further apart, for each leaves a footer behind.
_PATIENCE: Final = 5.0
_SHARE: Final = 0.01
#: A footer may take one part in so many of the file.
_FOOTER_SHARE: Final = 16
#: The ring has room for some 50 of these at a million records a second.
_REST: Final = 0.01


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a recording is: rows, bytes of the file, records that the ring had no room for."""

    rows: int
    size: int
    refused: int


class Source(Protocol):
    """What a recorder reads: `Ring`."""

    def read(self, most: int) -> Records:
        """At most so many records, in order; none where there are none."""
        ...


class Recorder:
    """`start`, then `stop` once the session is closed, then `finish`.

    `header` gives the header as of now, `files` what is known of each slot as of now.
    """

    def __init__(
        self,
        ring: Source,
        writer: Writer,
        rows: Rows,
        header: Callable[[Mapping[str, int]], Header],
        files: FileRows,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ring = ring
        self._writer = writer
        self._rows = rows
        self._header = header
        self._files = files
        self._clock = clock
        self._began = self._flushed = clock()
        self._footer_at = 0
        self._footer_bytes = 0
        self._pending: list[Records] = []
        self._pending_count = 0
        self._row_count = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._drain, name="recorder", daemon=True)
        self.stack_ids: set[int] = set()
        #: What the file system said, once it did; nothing is written after that.
        self.error: OSError | None = None

    def start(self) -> None:
        """Begin to read the ring."""
        self._thread.start()

    def stop(self) -> None:
        """Read what is left in the ring, of which nothing comes any more, and write it."""
        self._over.set()
        self._thread.join()

    def finish(self, header: Header, frames: Mapping[int, Iterable[str]]) -> None:
        """Write the stacks and the last footer. Raises OSError."""
        if self.error is not None:
            raise self.error
        if frames:
            text = [";".join(frames[stack]) for stack in frames]
            stacks = table(Kind.STACK, {"stack": np.array(list(frames)), "frames": np.array(text)})
            self._writer.write(Kind.STACK, stacks)
            self._row_count += stacks.num_rows
        self._write_footer(header)

    @property
    def rows(self) -> dict[str, int]:
        """Rows that were written, by kind."""
        return self._writer.rows

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._writer.size

    @property
    def row_count(self) -> int:
        """Rows, whether they are in the file yet or not."""
        return self._row_count

    def _drain(self) -> None:
        try:
            while not self._over.wait(_REST):
                self._take()
                if self._due():
                    self._flush(footer=lambda: True)
            while self._take():
                pass
            self._flush(footer=lambda: False)
        except OSError as error:
            self.error = error

    def _take(self) -> int:
        records = self._ring.read(GROUP - self._pending_count)
        if len(records):
            self._pending.append(records)
            self._pending_count += len(records)
            self._row_count += len(records)
        if self._pending_count >= GROUP:
            self._flush(footer=self._footer_due)
        return len(records)

    def _due(self) -> bool:
        patience = max(_PATIENCE, _SHARE * (self._clock() - self._began))
        return self._clock() - self._flushed >= patience

    def _footer_due(self) -> bool:
        return self._writer.size - self._footer_at >= _FOOTER_SHARE * self._footer_bytes

    def _flush(self, footer: Callable[[], bool]) -> None:
        records = np.concatenate(self._pending) if self._pending else np.empty(0, RECORD)
        self._pending, self._pending_count = [], 0
        self._flushed = self._clock()
        self.stack_ids.update(np.unique(records["stack"]).tolist())
        for kind, rows in self._rows.tables(records).items():
            self._writer.write(kind, rows)
        if footer():
            self._write_footer(self._header(self._writer.rows))

    def _write_footer(self, header: Header) -> None:
        changed = self._files.changed()
        if changed is not None:
            self._writer.write(Kind.FILE, changed)
            self._row_count += changed.num_rows
        before = self._writer.size
        self._writer.finish(header)
        self._footer_at, self._footer_bytes = self._writer.size, self._writer.size - before
