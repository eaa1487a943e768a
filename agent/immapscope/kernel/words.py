# SPDX-License-Identifier: GPL-2.0-or-later
"""The words for what a hold of the lock does and why it was asked for, each with a code.

The codes are what BPF programs store and maps carry; 0 stands for "not known" and has no member,
because what is not known is None on this side.
"""

from enum import Enum
from typing import Self


class _Word(Enum):
    """A word that people read (`label`) with the number that the kernel side stores (`code`)."""

    def __init__(self, label: str, code: int) -> None:
        self.label = label
        self.code = code

    def __str__(self) -> str:
        return self.label

    @classmethod
    def from_code(cls, code: int) -> Self | None:
        """The word with this code; None for 0. Raises ValueError for a code that is not there."""
        if code == 0:
            return None
        for word in cls:
            if word.code == code:
                return word
        raise ValueError(f"{cls.__name__} has no code {code}")


class Operation(_Word):
    """What a hold of the lock changes. `OTHER`: no function that we know is on the stack."""

    INSERT = ("insert", 1)
    INSERT_AFTER = ("insert_after", 2)
    REMOVE = ("remove", 3)
    ADJUST = ("adjust", 4)
    WALK = ("walk", 5)
    OTHER = ("other", 6)


class Cause(_Word):
    """Why the lock was asked for. `OTHER`: a stack is there, but no entry that we know is on it."""

    EXEC = ("exec", 1)
    FORK = ("fork", 2)
    EXIT = ("exit", 3)
    MMAP = ("mmap", 4)
    MUNMAP = ("munmap", 5)
    MPROTECT = ("mprotect", 6)
    MREMAP = ("mremap", 7)
    MADVISE = ("madvise", 8)
    TRUNCATE = ("truncate", 9)
    RECLAIM = ("reclaim", 10)
    MIGRATE = ("migrate", 11)
    WRITEBACK = ("writeback", 12)
    OTHER = ("other", 13)
