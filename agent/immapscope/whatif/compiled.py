# SPDX-License-Identifier: GPL-2.0-or-later
"""Compiling with numba, once for each user and state of the code.

What was compiled is kept in the user's own cache folder: the package's may be read-only, and a
folder that others can write to is no place to load code from. Numba looks at the file of a function
only, not at those whose functions it calls, so the folder is named by the whole package's text.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

#: An array of structs.
Records = NDArray[Any]
#: One of them.
Record = Any

Function = TypeVar("Function", bound=Callable[..., Any])

_NAME_BYTES: Final = 8
_KEPT: Final = 4


def cache_folder() -> Path | None:
    """Where compiled code is kept, made if it was not there; None where that cannot be."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(base) / "immapscope" / "numba" / _state_of_code()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Who owns a folder above it could put other code there.
        ours = all(one.stat().st_uid == os.getuid() for one in (folder, *list(folder.parents)[:3]))
    except OSError:
        return None
    _forget_old(folder)
    return folder if ours and os.access(folder, os.W_OK) else None


def _forget_old(folder: Path) -> None:
    """Keeps what was compiled from the newest few states of the code."""
    with suppress(OSError):
        others = sorted(folder.parent.iterdir(), key=lambda one: one.stat().st_mtime)
        for one in others[:-_KEPT]:
            if one != folder:
                rmtree(one, ignore_errors=True)


def _state_of_code() -> str:
    text = hashlib.blake2b(digest_size=_NAME_BYTES)
    for file in sorted(Path(__file__).parent.glob("*.py")):
        text.update(file.read_bytes())
    return text.hexdigest()


_FOLDER: Final = cache_folder()
if _FOLDER is not None:
    vars(numba.config).update(CACHE_DIR=str(_FOLDER))


def compiled(function: Function) -> Function:
    """`function` in machine code at its first call; it runs beside others, without Python's lock.

    It cannot make arrays: without numba's runtime (`_nrt`) nothing counts who refers to those it is
    given, which at each call of one such function by another took longer than what they do.
    """
    return _made(function, inline=False)


def inlined(function: Function) -> Function:
    """As `compiled`, and part of each function that calls it.

    An array goes to a function as seven numbers: for what is done at each event that is too many.
    """
    return _made(function, inline=True)


def _made(function: Function, inline: bool) -> Function:
    # Its type stub does not know `_nrt`.
    make: Any = numba.njit
    made = make(
        nogil=True,
        cache=_FOLDER is not None,
        error_model="numpy",
        forceinline=inline,
        _nrt=False,
    )(function)
    return cast(Function, made)


@inlined
def signed(number: Any) -> int:
    """Any whole number, with a sign: of one with and one without numba would make a float."""
    made: Any = np.int64(number)
    found: int = made
    return found
