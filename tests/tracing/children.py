# SPDX-License-Identifier: GPL-2.0-or-later
"""Children that stand in for the one that compiles: they speak its protocol, or fail to."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import pytest

from immapscope.tracing.handover import MAPS
from immapscope.tracing.sizes import Sizes
from tests.synthetic import KERNEL
from tests.tracing.arrays import SMALL, lengths

#: The reasons of three programs.
REASONS: Final = ("recursion", None, "recursion_waits")
LINKS: Final = 2
#: Name and length of each descriptor that a good child sends, in its order.
SENT: Final = (
    *lengths(SMALL).items(),
    *((f"program-{number}", 1) for number in range(len(REASONS))),
    *((f"link-{number}", 1) for number in range(LINKS)),
)
ANSWER: Final[dict[str, Any]] = {
    "facts": asdict(KERNEL),
    "spin_known": True,
    "sizes": asdict(SMALL),
    "reasons": REASONS,
}

_CHILD = """\
#!{python} -IS
import json, os, signal, socket, sys
assert sys.argv[1:3] == ["-m", "immapscope.tracing.handover"], sys.argv
connection = socket.socket(fileno=int(sys.argv[3]))
def memory(name, length):
    descriptor = os.memfd_create(name)
    os.ftruncate(descriptor, -(-length // 4096) * 4096)
    return descriptor
def answer(message, descriptors=()):
    socket.send_fds(connection, [json.dumps(message).encode()], descriptors)
{body}
"""

Child = Callable[[str], None]
GOOD: Final = f"""
order = json.loads(connection.recv(65536))
open(os.path.dirname(sys.argv[0]) + "/order", "w").write(json.dumps(order))
answer(json.loads({json.dumps(ANSWER)!r}), [memory(*one) for one in {SENT!r}])
"""


def child(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Child:
    """Makes the body of a Python program the child that compiles; `GOOD` is one."""

    def becomes(body: str) -> None:
        program = folder / "child"
        program.write_text(_CHILD.format(python=_python(), body=body))
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))

    return becomes


def _python() -> str:
    # Not a link of a virtual environment, which would make the interpreter look for one.
    return str(Path(sys.executable).resolve())


assert tuple(name for name, _ in SENT[: len(MAPS)]) == MAPS
assert Sizes(**ANSWER["sizes"]) == SMALL
