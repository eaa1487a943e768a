# SPDX-License-Identifier: GPL-2.0-or-later
"""One guest's end, whichever it is: tried with a program that behaves as QEMU would."""

import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lab import guest
from lab.kernel import Kernel
from lab.machine import Machine
from lab.qemu import Qemu
from lab.topology import Topology

# A child that is forked from a test runner with threads could hang.
CHILDREN = multiprocessing.get_context("spawn")
STAND_IN = """
import os, sys, time
ports = {}
for word in sys.argv:
    if word.startswith("file,id="):
        name, path = word.removeprefix("file,id=").split(",path=")
        ports[name] = open(path, "wb", buffering=0)
"""


class Runner:
    """Runs a stand-in for QEMU that, once its serial ports are open, does as it is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.machine = Machine(
            kernel=Kernel("6.12", Path("bzImage"), None),
            topology=Topology(1, 1),
            memory_mib=64,
            append="",
            accelerator=(),
            root=Path("root"),
            job=Path("job"),
            out=Path("out"),
            init="lab",
            forwards=(),
        )

    def __call__(self, behaviour: str, limit_seconds: float = 30) -> int:
        program = self.folder / "qemu.py"
        program.write_text(STAND_IN + behaviour)
        qemu = Qemu((sys.executable, "-I", str(program)))
        return guest.run(qemu, self.machine, self.folder, limit_seconds)


def comes_true(condition: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def test_the_status_is_commands(run: Runner) -> None:
    assert run('ports["control"].write(b"status 37\\r\\n")') == 37


def test_stdout_and_stderr_arrive_apart_and_byte_for_byte(
    run: Runner, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    run(
        'ports["stdout"].write(bytes(range(256)) * 4096)\n'
        'ports["stderr"].write(b"\\xff\\r\\n")\n'
        'ports["control"].write(b"status 0\\n")\n'
    )
    captured = capfdbinary.readouterr()
    assert captured.out == bytes(range(256)) * 4096
    assert captured.err == b"\xff\r\n"


def test_a_panic_is_told_with_its_reason_and_what_led_to_it(run: Runner) -> None:
    with pytest.raises(guest.GuestError, match=r"^guest panicked: Fatal exception$") as raised:
        run(
            "lines = [f'[ 1.0] line {n}' for n in range(100)]\n"
            "lines.insert(90, '[ 2.0] Kernel panic - not syncing: Fatal exception')\n"
            'ports["console"].write("\\n".join(lines).encode())\n'
        )
    assert raised.value.status == 70
    assert raised.value.console[0] == "[ 1.0] line 70"
    assert len(raised.value.console) == guest.CONSOLE_LINES


def test_a_guest_that_ends_without_a_status_died(run: Runner) -> None:
    with pytest.raises(guest.GuestError, match=r"^guest died before COMMAND ended$") as raised:
        run('ports["console"].write(b"one\\ntwo\\n")')
    assert (raised.value.status, raised.value.console) == (70, ["one", "two"])


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("sys.exit('no such device')", "QEMU failed with status 1: no such device"),
        ("os.abort()", "QEMU was ended by SIGABRT"),
        ("print('assertion failed', flush=True); os.abort()", "ended by SIGABRT: assertion failed"),
        ("print('triple fault')", "guest died before COMMAND ended: triple fault"),
    ],
)
def test_a_qemu_that_ends_is_told_in_its_own_words(run: Runner, end: str, told: str) -> None:
    with pytest.raises(guest.GuestError, match=f"{told}$") as raised:
        run(end)
    assert raised.value.status == 70


def test_a_guest_that_died_before_it_said_anything_is_booted_once_more(
    run: Runner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = run(
        f"if not os.path.exists({str(tmp_path / 'boots')!r}):\n"
        f"    os.mkdir({str(tmp_path / 'boots')!r})\n"
        "    os.abort()\n"
        'ports["control"].write(b"status 3\\n")'
    )
    assert status == 3
    assert capsys.readouterr().err == "lab: QEMU was ended by SIGABRT; booting once more\n"


def test_it_is_booted_twice_at_most(run: Runner, tmp_path: Path) -> None:
    boots = tmp_path / "boots"
    with pytest.raises(guest.GuestError, match="SIGABRT"):
        run(f"with open({str(boots)!r}, 'a') as file: file.write('x')\nos.abort()")
    assert boots.read_text() == "xx"


@pytest.mark.parametrize(("port", "text"), [("console", "one"), ("control", "init")])
def test_a_guest_that_said_anything_is_never_booted_again(
    run: Runner, tmp_path: Path, port: str, text: str
) -> None:
    boots = tmp_path / "boots"
    with pytest.raises(guest.GuestError, match="SIGABRT"):
        run(
            f"with open({str(boots)!r}, 'a') as file: file.write('x')\n"
            f'ports["{port}"].write(b"{text}\\n")\n'
            "os.abort()"
        )
    assert boots.read_text() == "x"


def test_a_guest_that_outlives_its_limit_is_ended(run: Runner, tmp_path: Path) -> None:
    with pytest.raises(guest.GuestError, match=r"^guest outlived its 0\.5 s limit$") as raised:
        run(f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)", 0.5)
    assert raised.value.status == 124
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_guest_does_not_outlive_a_runner_that_was_killed(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    behaviour = f"os.symlink(str(os.getpid()), {str(pid_file)!r})\ntime.sleep(60)"
    runner = CHILDREN.Process(target=Runner(tmp_path), args=(behaviour,))
    runner.start()
    assert comes_true(pid_file.is_symlink)
    stand_in = Path("/proc") / pid_file.readlink()
    assert stand_in.exists()
    runner.kill()
    runner.join()
    assert comes_true(lambda: not stand_in.exists())


def test_a_guest_that_hangs_after_a_panic_panicked(run: Runner) -> None:
    with pytest.raises(guest.GuestError, match=r"^guest panicked: stuck$") as raised:
        run('ports["console"].write(b"Kernel panic - not syncing: stuck\\n")\ntime.sleep(60)', 1)
    assert raised.value.status == 70


def test_a_guest_that_told_its_status_and_hangs_is_not_waited_on_for_long(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guest, "POWER_OFF_SECONDS", 0.3)
    began = time.monotonic()
    assert run('ports["control"].write(b"status 5\\n")\ntime.sleep(60)') == 5
    assert time.monotonic() - began < 20
