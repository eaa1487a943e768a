# SPDX-License-Identifier: GPL-2.0-or-later
"""A session that was compiled and attached by a child, which handed it over and went.

The compiler holds more than 100 MB for as long as its process lives. What counts in the kernel is
kept by file descriptors, and those can be sent through a socket (SCM_RIGHTS, unix(7)).
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

from immapscope.errors import CannotTraceError
from immapscope.kernel.layout import Layout
from immapscope.snapshot import KernelFacts, Mode
from immapscope.tracing.counting import MAPPED, Counting, Watched
from immapscope.tracing.leftovers import remove_leftovers
from immapscope.tracing.machine import Machine
from immapscope.tracing.request import Attach, Request
from immapscope.tracing.sizes import Sizes, rows_for
from immapscope.tracing.syscalls import delete_element

#: Maps that go over: the mapped ones, and the indexes that keys are deleted from.
MAPS = (*MAPPED, "file_index", "row_index")
#: The kernel's limit for one message (SCM_MAX_FD, include/net/scm.h) is 253.
_MOST_DESCRIPTORS = 253
_LONGEST_MESSAGE = 1 << 16
#: Fewer than a trace has: mapped rows are resident, and idle files give theirs back.
ROWS_OF_A_NODE = 1024


@dataclass(frozen=True, slots=True)
class Order:
    """What a child is told to trace, as it crosses the socket; the numbers are map sizes."""

    mode: Mode
    attach: Attach
    tree_operations: bool
    files: int
    waiting: int
    held: int


class Handover:
    """A session whose programs run, held by descriptors alone. Closing them detaches it all."""

    def __init__(
        self,
        facts: KernelFacts,
        spin_known: bool,
        sizes: Sizes,
        maps: dict[str, int],
        programs: Sequence[Watched],
        links: Sequence[int],
    ) -> None:
        self.facts = facts
        self.spin_known = spin_known
        self.sizes = sizes
        self.programs = programs
        self._maps = maps
        self._links = links
        self.counting = Counting(maps.__getitem__, sizes)

    def open(self) -> None:
        """From here on events count."""
        if self.facts.layout != Layout.SINGLE:
            self.counting.learn_placement(Machine.from_sysfs().online_cpus)
        self.counting.open(self.programs)

    def forget(self, index: str, key: bytes) -> None:
        """Removes a key from one of the indexes."""
        delete_element(self._maps[index], key)

    def close(self) -> None:
        """Detaches every program and gives the maps back."""
        self.counting.control["running"] = 0
        for fd in (*self._links, *(fd for fd, _ in self.programs), *self._maps.values()):
            os.close(fd)
        self._links, self.programs, self._maps = (), (), {}
        # With kretprobes that have a maxactive the child left an event, which nobody uses now.
        remove_leftovers()


def take_over(order: Order) -> Handover:
    """Has a child compile and attach. Raises CannotTraceError with the child's reason."""
    try:
        child, ours = _started()
    except OSError as error:
        raise CannotTraceError(f"the compiling child cannot be started: {error}") from error
    with ours:
        try:
            ours.send(json.dumps(asdict(order)).encode())
            answer, descriptors, flags, _ = socket.recv_fds(
                ours, _LONGEST_MESSAGE, _MOST_DESCRIPTORS
            )
        except ConnectionError:
            # It went before it was told what to do; its status says more.
            answer, descriptors, flags = b"", [], 0
        except OSError as error:
            child.kill()
            raise CannotTraceError(f"the compiling child cannot be talked to: {error}") from error
        finally:
            status = child.wait()
    try:
        if flags & socket.MSG_CTRUNC:
            raise CannotTraceError(
                f"only {len(descriptors)} file descriptors could be taken over; "
                "allow more open files (ulimit -n, LimitNOFILE)"
            )
        return _unpacked(answer, descriptors, status)
    except BaseException:
        for fd in descriptors:
            os.close(fd)
        raise


def _started() -> tuple[subprocess.Popen[bytes], socket.socket]:
    """A child, and the socket by which it is talked to. Raises OSError."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-m", __name__, str(theirs.fileno())]
        try:
            child = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        except OSError:
            ours.close()
            raise
    return child, ours


def _unpacked(answer: bytes, descriptors: list[int], status: int) -> Handover:
    if not answer:
        raise CannotTraceError(
            f"the child that compiles the probes ended with status {status} and gave no reason"
        )
    message = json.loads(answer)
    if "error" in message:
        raise CannotTraceError(message["error"])
    reasons = message["reasons"]
    maps = dict(zip(MAPS, descriptors, strict=False))
    rest = descriptors[len(MAPS) :]
    return Handover(
        facts=KernelFacts(**message["facts"]),
        spin_known=message["spin_known"],
        sizes=Sizes(**message["sizes"]),
        maps=maps,
        programs=tuple(zip(rest, reasons, strict=False)),
        links=rest[len(reasons) :],
    )


def serve(connection: socket.socket) -> None:
    """The child: does as it is told, sends what it made, or the reason why not."""
    # Imported here: the one who takes over needs neither BCC nor the kernel's symbols.
    from immapscope.preflight import traceable_kernel
    from immapscope.tracing.session import Session

    told = json.loads(connection.recv(_LONGEST_MESSAGE))
    order = Order(**{**told, "mode": Mode(told["mode"]), "attach": Attach(told["attach"])})
    request = Request(order.mode, order.attach, order.tree_operations, claim_early=False)
    try:
        kernel = traceable_kernel(kprobes=order.attach is not Attach.FENTRY)
        machine = Machine.from_sysfs()
        sizes = Sizes(
            machine.cpus, machine.nodes,
            files=order.files, waiting=order.waiting, held=order.held,
            rows=rows_for(machine.nodes, ROWS_OF_A_NODE),
        )  # fmt: skip
        session = Session(kernel.model, kernel.symbols, machine, request, sizes)
    except CannotTraceError as error:
        connection.send(json.dumps({"error": str(error)}).encode())
        return
    programs = session.module.watched()
    message = {
        "facts": asdict(session.facts),
        "spin_known": session.model.has_contention_begin,
        "sizes": {field.name: getattr(session.sizes, field.name) for field in fields(Sizes)},
        "reasons": [reason for _, reason in programs],
    }
    descriptors = [session.module.map_fd(name) for name in MAPS]
    descriptors += [fd for fd, _ in programs]
    descriptors += session.module.link_fds()
    socket.send_fds(connection, [json.dumps(message).encode()], descriptors)


def main() -> None:
    """`python -m immapscope.tracing.handover DESCRIPTOR`"""
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        serve(connection)
    sys.stderr.flush()
    # Not by sys.exit: BCC would disable the probes, which others have by now, as it goes.
    os._exit(0)


if __name__ == "__main__":
    main()
