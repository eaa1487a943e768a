# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel's BTF says about its structs and functions, through libbpf's own BTF reader.

libbpf answers from C in milliseconds where reading BTF in Python, or the JSON of bpftool, takes
seconds on a slow machine. The format: Documentation/bpf/btf.rst.
"""

import ctypes
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from immapscope.kernel.libbpf import BtfError, Pair, Triple, Type, library

VMLINUX = Path("/sys/kernel/btf/vmlinux")
MAGIC = 0xEB9F


class MissingMemberError(BtfError):
    """A struct or a member that this kernel does not have; `name` is "struct.path"."""

    def __init__(self, struct: str, path: str, why: str) -> None:
        self.name = f"{struct}.{path}"
        super().__init__(f"{self.name}: {why}")


@dataclass(frozen=True, slots=True)
class Member:
    """Where a member lies: `offset` and `size` in bytes, `type` as C spells it."""

    offset: int
    size: int
    type: str


@dataclass(frozen=True, slots=True)
class FunctionShape:
    """A function's parameters as (name, type as C spells it), and the type that it returns."""

    params: tuple[tuple[str, str], ...]
    returns: str

    def position(self, type_: str) -> int | None:
        """The 0-based position of the only parameter of that type; None if there is not one."""
        found = [index for index, (_, spelled) in enumerate(self.params) if spelled == type_]
        return found[0] if len(found) == 1 else None


class Kind(IntEnum):
    """Kinds of BTF types (uapi/linux/btf.h)."""

    INT = 1
    PTR = 2
    ARRAY = 3
    STRUCT = 4
    UNION = 5
    ENUM = 6
    FWD = 7
    TYPEDEF = 8
    VOLATILE = 9
    CONST = 10
    RESTRICT = 11
    FUNC = 12
    FUNC_PROTO = 13
    VAR = 14
    DATASEC = 15
    FLOAT = 16
    DECL_TAG = 17
    TYPE_TAG = 18
    ENUM64 = 19


# Types that are another type with a name or a qualifier.
TRANSPARENT = {Kind.TYPEDEF, Kind.VOLATILE, Kind.CONST, Kind.RESTRICT, Kind.TYPE_TAG}


@dataclass(frozen=True, slots=True)
class _View:
    """A type, decoded as far as every kind goes; `address` is where its own data begins."""

    name: str
    kind: Kind
    count: int
    flag: bool
    size_or_type: int
    address: int


class Btf:
    """The types of one kernel.

    A name is looked up as libbpf does it: the first definition of that kind, never a forward
    declaration. The core structs asked for here have one definition in a vmlinux.
    """

    def __init__(self, data: bytes, source: str) -> None:
        """Takes raw BTF; `source` names it in errors. Raises BtfError if it is not BTF."""
        if int.from_bytes(data[:2], "little") != MAGIC:
            raise BtfError(f"{source}: not raw BTF (no BTF magic at its start)")
        self._lib = library()
        # libbpf prints what it thinks of a broken file to stderr; our one line says it.
        printer = self._lib.libbpf_set_print(None)
        handle = self._lib.btf__new(data, len(data))
        self._lib.libbpf_set_print(printer)
        if not handle:
            raise BtfError(f"{source}: BTF that libbpf cannot read (damaged or cut off)")
        self.source = source
        self._handle = ctypes.c_void_p(handle)
        weakref.finalize(self, self._lib.btf__free, self._handle)
        self._found: dict[tuple[str, Kind], int] = {}

    @classmethod
    def from_file(cls, path: Path = VMLINUX) -> "Btf":
        """Reads a raw BTF file. Raises BtfError if there is none or it cannot be read."""
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise BtfError(
                f"{path}: no such file: this kernel gives no BTF (CONFIG_DEBUG_INFO_BTF)"
            ) from error
        except OSError as error:
            raise BtfError(f"{path}: {error.strerror}") from error
        return cls(data, str(path))

    def has_struct(self, name: str) -> bool:
        """True if the struct is defined, not only declared."""
        return self._find(name, Kind.STRUCT) is not None

    def has_typedef(self, name: str) -> bool:
        """True if there is a typedef of that name."""
        return self._find(name, Kind.TYPEDEF) is not None

    def struct_size(self, name: str) -> int:
        """Bytes. Raises MissingMemberError if there is no such struct."""
        return self._view(self._struct(name, "")).size_or_type

    def member(self, struct: str, path: str) -> Member:
        """The member at a dotted path, looking through unnamed structs and unions on the way.

        Raises MissingMemberError if the struct or a part of the path is not there, is not a
        struct, or is a bit field (which has no address).
        """
        offset, type_ = 0, self._struct(struct, path)
        for part in path.split("."):
            found = next((m for m in self._members(type_) if m[0] == part), None)
            if found is None:
                raise MissingMemberError(struct, path, f"no member {part}")
            _, bits, type_, width = found
            if width or bits % 8:
                raise MissingMemberError(struct, path, f"{part} is a bit field")
            offset += bits // 8
        return Member(offset, self._size(type_), self._spell(type_))

    def members(self, struct: str) -> dict[str, Member]:
        """Every member that has a name and an address, those of unnamed parts included.

        Raises MissingMemberError if there is no such struct.
        """
        return {
            name: Member(bits // 8, self._size(type_), self._spell(type_))
            for name, bits, type_, width in self._members(self._struct(struct, ""))
            if not width and bits % 8 == 0
        }

    def function(self, name: str) -> FunctionShape | None:
        """The function's shape; None if BTF does not have it (inlined, or not compiled in)."""
        found = self._find(name, Kind.FUNC)
        if found is None:
            return None
        proto = self._view(self._view(found).size_or_type)
        params = (Pair * proto.count).from_address(proto.address)
        return FunctionShape(
            tuple((self._name(param.first), self._spell(param.second)) for param in params),
            self._spell(proto.size_or_type),
        )

    def enum(self, name: str) -> dict[str, int] | None:
        """The values of an enum of 32 bits by name, as unsigned; None if there is no such enum."""
        found = self._find(name, Kind.ENUM)
        if found is None:
            return None
        view = self._view(found)
        values = (Pair * view.count).from_address(view.address)
        return {self._name(value.first): value.second for value in values}

    def _find(self, name: str, kind: Kind) -> int | None:
        key = (name, kind)
        if key not in self._found:
            self._found[key] = self._lib.btf__find_by_name_kind(self._handle, name.encode(), kind)
        found = self._found[key]
        return found if found > 0 else None

    def _struct(self, name: str, path: str) -> int:
        found = self._find(name, Kind.STRUCT)
        if found is None:
            raise MissingMemberError(name, path, f"no struct {name} in {self.source}")
        return found

    def _name(self, offset: int) -> str:
        name: bytes = self._lib.btf__name_by_offset(self._handle, offset)
        return name.decode()

    def _view(self, type_: int) -> _View:
        raw: Type = self._lib.btf__type_by_id(self._handle, type_).contents
        return _View(
            name=self._name(raw.name_off),
            kind=Kind(raw.info >> 24 & 0x1F),
            count=raw.info & 0xFFFF,
            flag=bool(raw.info >> 31),
            size_or_type=raw.size_or_type,
            address=ctypes.addressof(raw) + ctypes.sizeof(Type),
        )

    def _members(self, type_: int, base: int = 0) -> Iterator[tuple[str, int, int, int]]:
        """(name, offset in bits, type, width of a bit field or 0) of a struct or union."""
        view = self._view(type_)
        while view.kind in TRANSPARENT:
            view = self._view(view.size_or_type)
        if view.kind not in (Kind.STRUCT, Kind.UNION):
            return
        for raw in (Triple * view.count).from_address(view.address):
            bits = raw.third & 0xFFFFFF if view.flag else raw.third
            width = raw.third >> 24 if view.flag else 0
            name = self._name(raw.first)
            if name:
                yield name, base + bits, raw.second, width
            else:
                yield from self._members(raw.second, base + bits)

    def _size(self, type_: int) -> int:
        # A flexible array and void have no size: 0 is what sizeof says of the first in GNU C.
        size: int = self._lib.btf__resolve_size(self._handle, type_)
        return max(size, 0)

    def _spell(self, type_: int) -> str:
        if type_ == 0:
            return "void"
        view = self._view(type_)
        match view.kind:
            case Kind.PTR:
                return _pointer_to(self._spell(view.size_or_type))
            case Kind.ARRAY:
                array = Triple.from_address(view.address)
                return f"{self._spell(array.first)}[{array.third}]"
            case Kind.STRUCT:
                return f"struct {view.name}"
            case Kind.UNION:
                return f"union {view.name}"
            case Kind.ENUM | Kind.ENUM64:
                return f"enum {view.name}"
            case Kind.FWD:
                return f"{'union' if view.flag else 'struct'} {view.name}"
            case Kind.CONST:
                return _const(self._spell(view.size_or_type))
            case Kind.VOLATILE | Kind.RESTRICT | Kind.TYPE_TAG:
                return self._spell(view.size_or_type)
            case Kind.FUNC_PROTO:
                return "function"
            case _:
                return view.name


def _pointer_to(target: str) -> str:
    return target + ("*" if target.endswith("*") else " *")


def _const(target: str) -> str:
    # A pointer that is itself const is only a pointer here; what it points to keeps its const.
    return target if target.startswith("const ") or target.endswith("*") else f"const {target}"
