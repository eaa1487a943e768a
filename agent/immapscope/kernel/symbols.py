# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's text symbols and their address ranges, from a kallsyms text.

A kernel lists about 200,000 symbols, so nothing is turned into numbers before it is asked for:
addresses of one width sort as text exactly as they do as numbers.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

KALLSYMS = Path("/proc/kallsyms")

# proc(5): T and t are text, W and w weak symbols, which in a kernel are functions.
_TEXT = re.compile(rb"^([0-9a-f]+) [TtWw] (\S+)(?:[ \t]+\[(\S+)\])?$", re.MULTILINE)
# B and b is data that begins as zero, D and d other data, R and r read-only data.
_DATA = rb"^([0-9a-f]+) [BbDdRr] %s$"


class SymbolsError(Exception):
    """Symbols that cannot be read; the message is one line for people."""


@dataclass(frozen=True, slots=True)
class Range:
    """Text [start, end) of one symbol; `module` is None for the kernel itself."""

    name: str
    start: int
    end: int
    module: str | None = None


class Symbols:
    """The text symbols of a kernel and its modules."""

    def __init__(self, text: bytes) -> None:
        """Takes the whole of a kallsyms text. Raises SymbolsError if no text symbol is in it."""
        self._text = text
        self._rows: list[tuple[bytes, bytes, bytes]] = _TEXT.findall(text)
        if not self._rows:
            raise SymbolsError("no text symbol in the kernel's symbol list (is it kallsyms?)")

    @classmethod
    def from_file(cls, path: Path = KALLSYMS) -> "Symbols":
        """Reads a kallsyms text. Raises SymbolsError if it cannot be read."""
        try:
            return cls(path.read_bytes())
        except OSError as error:
            raise SymbolsError(f"{path}: {error.strerror} (CONFIG_KALLSYMS?)") from error

    @cached_property
    def hidden(self) -> bool:
        """True if the kernel shows names but no addresses (kernel.kptr_restrict, CAP_SYSLOG)."""
        return not any(int(address, 16) for address, _, _ in self._rows[-1:] + self._rows[:1])

    def has(self, name: str) -> bool:
        """True if a text symbol of exactly that name exists: what a kprobe can be attached to."""
        return name.encode() in self._names

    def variable(self, name: str) -> int | None:
        """The address of a variable of the kernel; None where none is listed (KALLSYMS_ALL)."""
        found = re.search(_DATA % re.escape(name.encode()), self._text, re.MULTILINE)
        return int(found[1], 16) or None if found else None

    def by_name(self, name: str) -> list[Range]:
        """The ranges of one C function; see `find`, which costs no more for many names."""
        return self.find((name,))[name]

    def find(self, names: Iterable[str]) -> dict[str, list[Range]]:
        """Every range of each of those C functions, by address; an empty list where there is none.

        Compiler suffixes do not count, and all of the same name are given: static functions share
        names. Raises SymbolsError if addresses are hidden.
        """
        if self.hidden:
            raise SymbolsError("the kernel hides its symbols' addresses (needs CAP_SYSLOG)")
        found: dict[bytes, list[Range]] = {name.encode(): [] for name in names}
        for row in self._rows:
            # What GCC and clang append to a function that they split or specialise begins with a
            # dot (.constprop.0, .isra.0, .part.0, .cold, .llvm.1234); a C name has none.
            ranges = found.get(row[1].partition(b".")[0])
            if ranges is not None:
                ranges.append(self._range(row))
        return {
            name.decode(): sorted(ranges, key=lambda one: (one.start, one.name))
            for name, ranges in found.items()
        }

    def name_at(self, address: int) -> str:
        """The symbol that this address is in, suffixes kept; hexadecimal before the first one."""
        after = bisect_right(self._by_address, (f"{address:016x}".encode(), b"\xff"))
        return self._by_address[after - 1][1].decode() if after else f"0x{address:x}"

    @cached_property
    def _by_address(self) -> list[tuple[bytes, bytes]]:
        return sorted((address, name) for address, name, _ in self._rows)

    @cached_property
    def _names(self) -> frozenset[bytes]:
        return frozenset(name for _, name, _ in self._rows)

    @cached_property
    def _addresses(self) -> list[bytes]:
        return sorted(address for address, _, _ in self._rows)

    def _range(self, row: tuple[bytes, bytes, bytes]) -> Range:
        address, name, module = row
        after = bisect_right(self._addresses, address)
        start = int(address, 16)
        # Nothing is listed after the last symbol, so nothing else can be meant by what follows it.
        end = int(self._addresses[after], 16) if after < len(self._addresses) else 1 << 64
        return Range(name.decode(), start, end, module.decode() or None)
