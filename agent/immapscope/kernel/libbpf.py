# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of libbpf.so.1 that reads BTF, typed for ctypes (btf.h of libbpf 1.x)."""

import ctypes
from functools import cache
from typing import Any


class BtfError(Exception):
    """BTF that cannot be had or read; the message is one line for people."""


class Type(ctypes.Structure):
    _fields_ = (
        ("name_off", ctypes.c_uint32),
        ("info", ctypes.c_uint32),
        ("size_or_type", ctypes.c_uint32),
    )
    name_off: int
    info: int
    size_or_type: int


class Triple(ctypes.Structure):
    """What follows a type: a member, an array's description or a value of an enum."""

    _fields_ = (
        ("first", ctypes.c_uint32),
        ("second", ctypes.c_uint32),
        ("third", ctypes.c_uint32),
    )
    first: int
    second: int
    third: int


class Pair(ctypes.Structure):
    """What follows a type: a parameter or a value of a 32-bit enum."""

    _fields_ = (("first", ctypes.c_uint32), ("second", ctypes.c_uint32))
    first: int
    second: int


@cache
def library() -> ctypes.CDLL:
    """libbpf with every call used here typed. Raises BtfError if it is not installed."""
    try:
        lib = ctypes.CDLL("libbpf.so.1", use_errno=True)
    except OSError as error:
        raise BtfError("libbpf.so.1 is not installed (Debian: libbpf1)") from error
    pointer, u32 = ctypes.c_void_p, ctypes.c_uint32
    signatures: dict[str, tuple[list[Any], Any]] = {
        "libbpf_set_print": ([pointer], pointer),
        "btf__new": ([ctypes.c_char_p, u32], pointer),
        "btf__free": ([pointer], None),
        "btf__find_by_name_kind": ([pointer, ctypes.c_char_p, u32], ctypes.c_int32),
        "btf__type_by_id": ([pointer, u32], ctypes.POINTER(Type)),
        "btf__name_by_offset": ([pointer, u32], ctypes.c_char_p),
        "btf__resolve_size": ([pointer, u32], ctypes.c_int64),
    }
    for name, (argtypes, restype) in signatures.items():
        function = getattr(lib, name)
        function.argtypes = argtypes
        function.restype = restype
    return lib
