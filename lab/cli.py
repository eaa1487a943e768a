# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line of lab/vm."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from lab import accelerator, cache, ext4, forward, guest, image, job, kernels, qemu
from lab.errors import LabError, UsageError
from lab.forward import Forward
from lab.guest import GuestError
from lab.machine import Machine
from lab.topology import Topology, parse_memory

OUT_MIB = 4096
FAILED = 70
# What starts COMMAND: the lab's own few lines, or systemd with the journal.
INITS = ("lab", "systemd")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see lab/vm --help")


def main(words: Sequence[str]) -> int:
    """Run one guest; the exit status is COMMAND's, or tells what kept it from one."""
    # A shell's background jobs ignore SIGINT; a guest must end with its shell all the same.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        return _run(*_parsed(words))
    except UsageError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 2
    except GuestError as error:
        sys.stderr.writelines(f"  {line}\n" for line in error.console)
        print(f"lab: {error}", file=sys.stderr)
        return error.status
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        return 128 + signal.SIGPIPE


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def _parsed(words: Sequence[str]) -> tuple[argparse.Namespace, list[bytes]]:
    """The options, and COMMAND byte for byte: all after the first `--`."""
    end = words.index("--") if "--" in words else len(words)
    parser = _Parser(
        prog="lab/vm",
        usage="lab/vm [OPTION]... -- COMMAND [ARGUMENT]...",
        description="Run COMMAND as root in a guest that has the checkout's agent on its PATH. "
        "What it writes under $OUT comes back. The exit status is COMMAND's, 124 when the guest "
        "outlived its limit, 70 when it panicked or died, 2 for wrong usage.",
    )
    add = parser.add_argument
    add("--kernel", default=kernels.DEFAULT, metavar="NAME", help="default: %(default)s")
    add("--topology", default="4x2", metavar="SxC", help="NUMA nodes x CPUs, default: %(default)s")
    add("--file", action="append", default=[], type=Path, metavar="F", help="into its folder")
    add("--append", default="", metavar="TEXT", help="to the kernel's command line")
    add("--memory", default="3G", metavar="SIZE", help="default: %(default)s")
    add("--timeout", default=600.0, type=float, metavar="SECONDS", help="default: %(default)g")
    add("--out", default=job.CHECKOUT / "lab/out", type=Path, metavar="FOLDER", help="for $OUT")
    add("--init", choices=INITS, default=INITS[0], help="process 1 of the guest: %(choices)s")
    add(
        "--forward",
        action="append",
        default=[],
        metavar="HOST:GUEST",
        help="port of 127.0.0.1 to port of the guest; 0 is a free one, told on stderr",
    )
    add("--icount", action="store_true", help="guest time is instructions executed")
    add("--update", action="store_true", help="ask for a newer kernel and build a new image")
    add("--list", action="store_true", help="names of kernels")
    options = parser.parse_args(words[:end])
    return options, [os.fsencode(word) for word in words[end + 1 :]]


def _run(options: argparse.Namespace, command: Sequence[bytes]) -> int:
    if options.list:
        print("\n".join(kernels.REGISTRY))
        return 0
    if not command and not options.update:
        raise UsageError("no COMMAND after --; see lab/vm --help")
    if not options.timeout > 0:
        raise UsageError("--timeout is a number of seconds above 0")
    topology = Topology.parse(options.topology)
    memory_mib = parse_memory(options.memory)
    forwards = [Forward.parse(text) for text in options.forward]
    job.check(options.file)
    kernel = kernels.find(options.kernel, options.update)
    print(f"lab: kernel {options.kernel} = {kernel.release}", file=sys.stderr)
    root = image.find(options.update)
    if not command:
        return 0
    emulator = qemu.find()
    with cache.scratch("run") as folder, forward.reserved(forwards) as reserved:
        for one in reserved:
            reached = f"{forward.HOST}:{one.host} is port {one.guest} of the guest"
            print(f"lab: {reached}", file=sys.stderr, flush=True)
        chosen = accelerator.find(emulator, kernel, options.icount)
        machine = Machine(
            kernel=kernel,
            topology=topology,
            memory_mib=memory_mib,
            append=" ".join([*accelerator.clock(chosen), options.append]),
            accelerator=chosen,
            root=root,
            job=folder / "job.ext4",
            out=folder / "out.ext4",
            init=options.init,
            forwards=reserved,
        )
        job.make_disk(machine.job, folder / "job", options.file, command)
        ext4.make(machine.out, "lab-out", OUT_MIB)
        try:
            return guest.run(emulator, machine, folder, options.timeout)
        finally:
            # Of a guest that died, what had reached its disk.
            ext4.extract(machine.out, folder / "out", options.out)
