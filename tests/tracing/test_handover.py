# SPDX-License-Identifier: GPL-2.0-or-later
"""A child compiles and hands over descriptors; whatever goes wrong is told, and nothing is kept."""

from __future__ import annotations

import json
import os
import resource
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from immapscope.errors import CannotTraceError
from immapscope.snapshot import Mode
from immapscope.tracing import handover as handover_module
from immapscope.tracing.counters import CLAIMED
from immapscope.tracing.counting import Counting
from immapscope.tracing.handover import MAPS, Handover, Order, serve, take_over
from immapscope.tracing.machine import Machine
from immapscope.tracing.request import Attach, Request
from immapscope.tracing.sizes import Sizes
from tests.kernel.saved import SavedKernel
from tests.synthetic import KERNEL
from tests.tracing.arrays import SMALL, Maps, lengths, memory
from tests.tracing.children import GOOD, LINKS, REASONS, SENT, Child, child

ORDER = Order(Mode.CONTENTION, Attach.MIXED, True, files=5, waiting=8, held=9)


def descriptors() -> set[str]:
    listed = os.listdir("/proc/self/fd")
    # One was for listing them.
    return {descriptor for descriptor in listed if os.path.lexists(f"/proc/self/fd/{descriptor}")}


def name_of(descriptor: int) -> str:
    """What a child called the memory behind it."""
    link = os.readlink(f"/proc/self/fd/{descriptor}")
    return link.removeprefix("/memfd:").removesuffix(" (deleted)")


@pytest.fixture(autouse=True)
def removed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No test touches this machine's tracefs; tells when it would have been tidied."""
    calls: list[str] = []
    monkeypatch.setattr(handover_module, "remove_leftovers", lambda: calls.append("tidied"))
    return calls


@pytest.fixture
def the_child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Child:
    """Makes a program the child that compiles."""
    return child(monkeypatch, tmp_path)


@pytest.fixture
def nothing_leaks() -> Iterator[None]:
    """No descriptor is open afterwards that was not before."""
    before = descriptors()
    yield
    assert descriptors() <= before


pytestmark = pytest.mark.usefixtures("nothing_leaks")


def test_what_a_child_hands_over_is_a_session(the_child: Child, tmp_path: Path) -> None:
    the_child(GOOD)
    with closing(take_over(ORDER)) as session:
        assert session.facts == KERNEL
        assert session.spin_known is True
        assert session.sizes == SMALL
        assert [(name_of(fd), reason) for fd, reason in session.programs] == [
            (f"program-{number}", reason) for number, reason in enumerate(REASONS)
        ]
        session.open()
        assert session.counting.control["running"] == 1
    order = json.loads((tmp_path / "order").read_text())
    assert order == {
        "mode": "contention", "attach": "mixed", "tree_operations": True,
        "files": 5, "waiting": 8, "held": 9,
    }  # fmt: skip


def test_each_map_is_the_one_that_was_sent_as_it(
    the_child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapped: list[tuple[str, str]] = []
    counting = Counting

    def watched(map_fd: object, sizes: Sizes) -> object:
        assert callable(map_fd)

        def noted(name: str) -> int:
            mapped.append((name, name_of(map_fd(name))))
            return int(map_fd(name))

        return counting(noted, sizes)

    monkeypatch.setattr(handover_module, "Counting", watched)
    deleted: list[tuple[str, bytes]] = []
    monkeypatch.setattr(
        handover_module, "delete_element", lambda fd, key: deleted.append((name_of(fd), key))
    )
    the_child(GOOD)
    with closing(take_over(ORDER)) as session:
        session.forget("file_index", b"a file's")
        session.forget("row_index", b"a row's")
    assert len(mapped) == len(MAPS) - 2
    assert all(asked == got for asked, got in mapped)
    assert deleted == [("file_index", b"a file's"), ("row_index", b"a row's")]


def test_closing_it_detaches_before_it_gives_up_the_maps(
    the_child: Child, monkeypatch: pytest.MonkeyPatch, removed: list[str]
) -> None:
    the_child(GOOD)
    session = take_over(ORDER)
    session.open()
    closed: list[str] = []
    close = os.close

    def noted(descriptor: int) -> None:
        closed.append(name_of(descriptor))
        assert session.counting.control["running"] == 0
        close(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "close", noted)
        session.close()
        # A second time, as at the end of a with statement, it closes nobody else's.
        session.close()
    links = [f"link-{number}" for number in range(LINKS)]
    assert closed[:LINKS] == links
    assert sorted(closed) == sorted(name for name, _ in SENT)
    assert removed


def test_the_reason_of_a_child_that_cannot_is_told_in_its_words(the_child: Child) -> None:
    words = "cannot attach kprobe to down_write: refused; \u201cno such file\u201d"
    the_child(f'connection.recv(65536)\nanswer({{"error": {words!r}}})')
    with pytest.raises(CannotTraceError) as refused:
        take_over(ORDER)
    assert str(refused.value) == words


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("connection.recv(65536); sys.exit(7)", "7"),
        # Before it was told anything.
        ("sys.exit(7)", "7"),
        ("connection.recv(65536); os.kill(os.getpid(), signal.SIGKILL)", "-9"),
        ("os.kill(os.getpid(), signal.SIGTERM)", "-15"),
        ("connection.recv(65536)", "0"),
    ],
)
def test_a_child_that_dies_is_told_with_its_status(
    the_child: Child, body: str, status: str
) -> None:
    the_child(body)
    with pytest.raises(CannotTraceError, match=f"ended with status {status} and gave no reason"):
        take_over(ORDER)


def test_a_child_that_has_more_than_can_be_sent_says_so(
    the_child: Child, capfd: pytest.CaptureFixture[str]
) -> None:
    # The kernel refuses to send more than 253 at once, and the child ends with that.
    the_child(GOOD.replace(f"{SENT!r}", f"[*{SENT!r}, *[('more', 1)] * 240]"))
    with pytest.raises(CannotTraceError, match="ended with status 1"):
        take_over(ORDER)
    assert "OSError" in capfd.readouterr().err


@contextmanager
def room_for(more: int) -> Iterator[None]:
    """So many descriptors can still be opened here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = set(map(int, descriptors()))
    free = [number for number in range(soft) if number not in used]
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[more], hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_session_is_whole_or_none(the_child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    receive = socket.recv_fds

    def short_of_descriptors(connection: socket.socket, length: int, most: int) -> object:
        with room_for(4):
            return receive(connection, length, most)

    monkeypatch.setattr(socket, "recv_fds", short_of_descriptors)
    the_child(GOOD)
    with pytest.raises(CannotTraceError, match=r"only 4 file descriptors .*ulimit -n"):
        take_over(ORDER)


def test_a_child_that_cannot_be_heard_is_ended(
    the_child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*_: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(socket, "recv_fds", no_memory)
    the_child("signal.pause()")
    with pytest.raises(CannotTraceError, match=r"cannot be talked to: .*Cannot allocate memory"):
        take_over(ORDER)


def test_a_child_that_cannot_be_started_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    # As while `make install` replaces the interpreter's folder.
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    before = descriptors()
    with pytest.raises(CannotTraceError, match=r"cannot be started: .*/nowhere/python"):
        take_over(ORDER)
    assert descriptors() == before


def test_a_session_that_cannot_be_mapped_is_given_up(the_child: Child) -> None:
    # Its programs would run on for as long as anybody has their descriptors.
    files = f"('files', {lengths(SMALL)['files']})"
    assert files in GOOD
    the_child(GOOD.replace(files, "('files', 0)"))
    with pytest.raises(CannotTraceError, match="cannot map"):
        take_over(ORDER)


def test_what_a_child_prints_is_seen(the_child: Child, capfd: pytest.CaptureFixture[str]) -> None:
    the_child("connection.recv(65536); print('no bcc here', file=sys.stderr); sys.exit(1)")
    with pytest.raises(CannotTraceError):
        take_over(ORDER)
    assert "no bcc here" in capfd.readouterr().err


# The child's side.


class FakeModule:
    """What `serve` asks a loaded module for."""

    def __init__(self, maps: Maps, programs: Sequence[int], links: Sequence[int]) -> None:
        self._maps, self._programs, self._links = maps, programs, links

    def map_fd(self, name: str) -> int:
        return self._maps.descriptors[name]

    def watched(self) -> tuple[tuple[int, str | None], ...]:
        return tuple(zip(self._programs, REASONS, strict=True))

    def link_fds(self) -> tuple[int, ...]:
        return tuple(self._links)


class Compiled:
    """A machine on which everything compiles; what was asked of the session is kept."""

    def __init__(self, maps: Maps, programs: Sequence[int], links: Sequence[int]) -> None:
        self.asked: list[tuple[Request, Sizes]] = []
        self._module = FakeModule(maps, programs, links)

    def session(
        self, model: object, symbols: object, machine: object, request: Request, sizes: Sizes
    ) -> object:
        self.asked.append((request, sizes))
        return SimpleNamespace(
            module=self._module,
            facts=KERNEL,
            model=SimpleNamespace(has_contention_begin=False),
            sizes=replace(SMALL, text_base=0xFFFFFFFF81000000, text_bytes=1 << 20),
        )


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> Iterator[Compiled]:
    """From here on this machine can be traced."""
    saved = SavedKernel("stock-6.12")
    programs = [memory(f"program-{number}", 1) for number in range(len(REASONS))]
    links = [memory(f"link-{number}", 1) for number in range(LINKS)]
    monkeypatch.setattr("immapscope.preflight.traceable_kernel", lambda kprobes: saved)
    monkeypatch.setattr(Machine, "from_sysfs", lambda: Machine((0, 1), frozenset({0, 1})))
    with Maps() as maps:
        machine = Compiled(maps, programs, links)
        monkeypatch.setattr("immapscope.tracing.session.Session", machine.session)
        yield machine
    for descriptor in (*programs, *links):
        os.close(descriptor)


def answered(order: Order) -> tuple[bytes, list[int]]:
    """What the child says to this, and the descriptors that it sends."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.send(json.dumps(asdict(order)).encode())
        serve(theirs)
        answer, taken, _, _ = socket.recv_fds(ours, 1 << 16, 253)
    return answer, taken


def test_a_child_traces_what_it_was_told_to(compiled: Compiled) -> None:
    order = replace(ORDER, mode=Mode.FULL, attach=Attach.KPROBE, tree_operations=False)
    _, taken = answered(order)
    for descriptor in taken:
        os.close(descriptor)
    ((request, sizes),) = compiled.asked
    # Uncontended walks claim no slot: there are fewer slots than files.
    assert request == Request(Mode.FULL, Attach.KPROBE, False, claim_early=False)
    assert sizes == Sizes(cpus=2, nodes=2, files=5, waiting=8, held=9, rows=4096)


def test_what_a_child_sends_is_what_is_taken_over(compiled: Compiled) -> None:
    answer, taken = answered(ORDER)
    assert [name_of(descriptor) for descriptor in taken] == [name for name, _ in SENT]
    session: Handover = handover_module._unpacked(answer, taken, 0)
    with closing(session):
        assert session.facts == KERNEL
        assert session.spin_known is False
        assert session.sizes == replace(SMALL, text_base=0xFFFFFFFF81000000, text_bytes=1 << 20)
        assert [reason for _, reason in session.programs] == list(REASONS)


def test_what_the_child_prepared_is_there(compiled: Compiled) -> None:
    answer, taken = answered(ORDER)
    with closing(handover_module._unpacked(answer, taken, 0)) as session:
        session.counting.prepare([0, 1])
        assert (session.counting.rows["state"][: SMALL.coarse_rows] == CLAIMED).all()


def test_a_child_that_cannot_trace_gives_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(kprobes: bool) -> None:
        raise CannotTraceError("BTF: no such file; boot another kernel")

    monkeypatch.setattr("immapscope.preflight.traceable_kernel", refused)
    answer, taken = answered(ORDER)
    assert json.loads(answer) == {"error": "BTF: no such file; boot another kernel"}
    assert taken == []
