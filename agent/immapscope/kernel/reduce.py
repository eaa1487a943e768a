# SPDX-License-Identifier: GPL-2.0-or-later
"""Cuts a kernel's BTF and symbols down to what the kernel model asks: the fixtures of its tests.

    python -m immapscope.kernel.reduce /sys/kernel/btf/vmlinux /proc/kallsyms "$(uname -r)" FOLDER

writes FOLDER/btf (tens of KB), FOLDER/symbols and FOLDER/release. The model is built once on the
whole and what it asks is noted, so there is no list of structs to keep. Structs that are looked
into stay whole; one that is only part of another keeps its size and loses its members; one that
is only pointed to becomes a forward declaration.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from immapscope.kernel.btf import TRANSPARENT, Btf, Kind
from immapscope.kernel.classes import CLASSES
from immapscope.kernel.libbpf import BtfError
from immapscope.kernel.model import KernelModel
from immapscope.kernel.rawbtf import RawBtf, RawType, Writer
from immapscope.kernel.symbols import Symbols, SymbolsError


class _NotingBtf(Btf):
    """A Btf that notes which names were found in it and which types were looked into."""

    def __init__(self, data: bytes, source: str) -> None:
        super().__init__(data, source)
        self.found: set[int] = set()
        self.entered: set[int] = set()

    def _find(self, name: str, kind: Kind) -> int | None:
        found = super()._find(name, kind)
        if found is not None:
            self.found.add(found)
        return found

    def _members(self, type_: int, base: int = 0) -> Iterator[tuple[str, int, int, int]]:
        self.entered.add(type_)
        return super()._members(type_, base)


class _NotingSymbols(Symbols):
    """Symbols that note which names were asked for."""

    def __init__(self, text: bytes) -> None:
        super().__init__(text)
        self.asked: set[str] = set()

    def has(self, name: str) -> bool:
        self.asked.add(name)
        return super().has(name)


class _Reduction:
    """Copies types from one BTF to another, each at most once in each of its two forms."""

    def __init__(self, source: RawBtf, entered: Iterable[int]) -> None:
        self._source = source
        self._entered = {self._composite(type_) for type_ in entered}
        self._writer = Writer()
        self._whole: dict[int, int] = {}
        self._target: dict[int, int] = {}

    def data(self, roots: Iterable[int]) -> bytes:
        for root in sorted(roots):
            self._copy(root)
        return self._writer.data()

    def _composite(self, type_: int) -> int:
        while self._source.types[type_].kind in TRANSPARENT and type_:
            type_ = self._source.types[type_].last
        return type_

    def _copy(self, type_: int) -> int:
        """A type that something holds by value: it keeps its size."""
        if type_ == 0:
            return 0
        if type_ not in self._whole:
            number = self._whole[type_] = self._writer.reserve()
            self._writer.put(number, self._contents(self._source.types[type_], type_))
        return self._whole[type_]

    def _contents(self, raw: RawType, type_: int) -> RawType:
        match raw.kind:
            case Kind.STRUCT | Kind.UNION:
                kept = raw.items if type_ in self._entered else ()
                return replace(raw, flag=raw.flag and bool(kept), items=tuple(self._members(kept)))
            case Kind.PTR:
                return replace(raw, last=self._point(raw.last))
            case Kind.ARRAY:
                element, index, count = raw.items[0]
                return replace(raw, items=((self._copy(element), self._copy(index), count),))
            case Kind.FUNC_PROTO:
                params = tuple((self._text(name), self._copy(t)) for name, t in raw.items)
                return replace(raw, last=self._copy(raw.last), items=params)
            case Kind.ENUM | Kind.ENUM64:
                return replace(raw, items=())
            case Kind.INT | Kind.FLOAT | Kind.FWD:
                return raw
            case _:
                return replace(raw, last=self._copy(raw.last))

    def _members(self, items: Iterable[tuple[int, ...]]) -> Iterator[tuple[int, ...]]:
        for name, type_, offset in items:
            if not self._source.text(name):
                # Looked through as a whole, whether or not the search got that far.
                self._entered.add(self._composite(type_))
            yield self._text(name), self._copy(type_), offset

    def _point(self, type_: int) -> int:
        """A type that is only pointed to: its name is all that is left of it."""
        raw = self._source.types[type_]
        if type_ == 0 or self._composite(type_) in self._entered:
            return self._copy(type_)
        if type_ not in self._target:
            number = self._target[type_] = self._writer.reserve()
            self._writer.put(number, self._declaration(raw))
        return self._target[type_]

    def _declaration(self, raw: RawType) -> RawType:
        match raw.kind:
            case Kind.STRUCT | Kind.UNION if raw.name:
                return RawType(raw.name, Kind.FWD, raw.kind is Kind.UNION, 0, 0, ())
            case Kind.STRUCT | Kind.UNION | Kind.ENUM | Kind.ENUM64 | Kind.ARRAY:
                return replace(raw, kind=Kind.STRUCT, flag=False, last=0, items=())
            case Kind.TYPEDEF:
                return replace(raw, last=0)
            case Kind.FUNC_PROTO:
                return replace(raw, last=0, items=())
            case Kind.INT | Kind.FLOAT | Kind.FWD:
                return raw
            case _:
                return replace(raw, last=self._point(raw.last))

    def _text(self, offset: int) -> int:
        return self._writer.text(self._source.text(offset))


def reduce(btf: bytes, symbols: bytes) -> tuple[bytes, bytes]:
    """(reduced raw BTF, reduced symbol list). Raises BtfError, SymbolsError."""
    noting_btf, noting_symbols = _NotingBtf(btf, "BTF"), _NotingSymbols(symbols)
    KernelModel.from_kernel(noting_btf, noting_symbols, "")
    reduced = _Reduction(RawBtf(btf), noting_btf.entered).data(noting_btf.found)
    return reduced, _reduce_symbols(symbols, noting_symbols.asked | CLASSES.keys())


def _reduce_symbols(text: bytes, names: Iterable[str]) -> bytes:
    """The lines of those functions and, since it ends their range, of what follows each."""
    wanted = {name.encode() for name in names}
    lines = sorted(
        (line for line in text.splitlines() if line.split()[1] in b"TtWw"),
        key=lambda line: line.split()[0],
    )
    kept: list[bytes] = []
    last: bytes | None = None
    for line in lines:
        address, _, name, *module = line.split()
        if not module and name.partition(b".")[0] in wanted:
            kept.append(line)
            last = address
        elif last is not None and address > last:
            kept.append(line)
            last = None
    return b"\n".join(kept) + b"\n"


def main(words: Sequence[str]) -> int:
    """The command; its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("btf", type=Path, help="raw BTF of a kernel")
    parser.add_argument("symbols", type=Path, help="its symbols, as /proc/kallsyms gives them")
    parser.add_argument("release", help="its release, as uname -r gives it")
    parser.add_argument("folder", type=Path, help="where to write btf, symbols and release")
    arguments = parser.parse_args(words)
    try:
        btf, symbols = reduce(arguments.btf.read_bytes(), arguments.symbols.read_bytes())
        arguments.folder.mkdir(parents=True, exist_ok=True)
        (arguments.folder / "btf").write_bytes(btf)
        (arguments.folder / "symbols").write_bytes(symbols)
        (arguments.folder / "release").write_text(arguments.release + "\n")
    except (BtfError, SymbolsError, OSError) as error:
        print(f"reduce: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
