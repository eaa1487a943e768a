# SPDX-License-Identifier: GPL-2.0-or-later
"""The one module that imports bcc: compile, load, attach, and hand over file descriptors.

Nothing is pinned: when the process ends, however it ends, the kernel drops what it loaded. The
exception is a kretprobe with a maxactive, which is a tracefs event; see `leftovers`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from immapscope.errors import CannotTraceError
from immapscope.tracing.programs import Kind, Program
from immapscope.tracing.source import probes_directory


@dataclass(frozen=True, slots=True)
class Attached:
    """A program that runs: its file descriptor is good until the `Module` is closed."""

    program: Program
    fd: int


def _import_bcc() -> Any:
    # BCC looks for kernel headers when it compiles; ours is a tree that declares a few types.
    os.environ["BCC_KERNEL_SOURCE"] = str(probes_directory())
    try:
        import bcc
    except ImportError as error:
        raise CannotTraceError(
            "Python's bcc module is missing: apt-get install python3-bpfcc "
            "(PyPI's package of that name is another one), and let the venv see system packages"
        ) from error
    return bcc


@contextmanager
def _standard_error_aside() -> Iterator[Callable[[], str]]:
    """The compiler and the verifier write to descriptor 2; keep that for the error message."""
    kept = os.dup(2)
    # In memory: a tracer must start on a machine whose disk is full.
    with open(os.memfd_create("immapscope-messages"), "w+b") as aside:
        os.dup2(aside.fileno(), 2)

        def written() -> str:
            aside.seek(0)
            return aside.read().decode("utf-8", "replace")

        try:
            yield written
        finally:
            os.dup2(kept, 2)
            os.close(kept)


class Module:
    """One compiled module: its maps by name, its attached programs.

    Raises `CannotTraceError` with the compiler's or the kernel's own words.
    """

    def __init__(self, text: str) -> None:
        bcc = _import_bcc()

        # BCC attaches by function name in its constructor; here each attach has its own error.
        unattached = type("Unattached", (bcc.BPF,), {"_trace_autoload": lambda self: None})
        self._bcc = bcc
        self.attached: list[Attached] = []
        with _standard_error_aside() as written:
            try:
                self._bpf: Any = unattached(text=text.encode())
            except Exception as error:
                raise CannotTraceError(
                    f"the probes did not compile: {error}; {_last_lines(written())}"
                ) from error

    def map_fd(self, name: str) -> int:
        """The file descriptor of a map, for mmap."""
        return int(self._bpf[name.encode()].map_fd)

    def watched(self) -> tuple[tuple[int, str | None], ...]:
        """The programs that run: file descriptor, and the loss reason of its skips."""
        return tuple((one.fd, one.program.recursion_reason) for one in self.attached)

    def link_fds(self) -> tuple[int, ...]:
        """What keeps the programs attached: perf events and links."""
        bpf = self._bpf
        links = [fd for of_event in bpf.kprobe_fds.values() for fd in of_event.values()]
        for kind in (bpf.raw_tracepoint_fds, bpf.kfunc_entry_fds, bpf.kfunc_exit_fds):
            links.extend(kind.values())
        return tuple(int(fd) for fd in links)

    def items(self, name: str) -> list[tuple[bytes, bytes]]:
        """Every key and value of a hash map, by map syscalls: only while no program runs."""
        return [(bytes(key), bytes(value)) for key, value in self._bpf[name.encode()].items()]

    def stack(self, name: str, identity: int) -> list[int]:
        """The addresses of a recorded stack, innermost first: only while no program runs."""
        return [int(address) for address in self._bpf[name.encode()].walk(identity)]

    def attach(self, programs: Sequence[Program]) -> None:
        """Load and attach each program, in order."""
        for program in programs:
            with _standard_error_aside() as written:
                try:
                    self.attached.append(Attached(program, self._attach(program)))
                except Exception as error:
                    # BCC calls every EPERM a lack of privileges; for root the reason is another.
                    words = str(error).replace("Need super-user privileges to run", "refused")
                    raise CannotTraceError(
                        f"cannot attach {program.kind.value} to {program.target}: {words}; "
                        f"{_last_lines(written())}"
                    ) from error

    def _attach(self, program: Program) -> int:
        name = program.name.encode()
        target = program.target.encode()
        if program.kind is Kind.KPROBE:
            self._bpf.attach_kprobe(event=target, fn_name=name)
        elif program.kind is Kind.KRETPROBE:
            self._bpf.attach_kretprobe(event=target, fn_name=name, maxactive=program.instances)
        elif program.kind is Kind.RAW_TRACEPOINT:
            self._bpf.attach_raw_tracepoint(tp=target, fn_name=name)
        else:
            name = self._trampoline_name(program)
            attach = (
                self._bpf.attach_kfunc if program.kind is Kind.FENTRY else self._bpf.attach_kretfunc
            )
            attach(fn_name=name)
        return int(self._bpf.funcs[name].fd)

    def _trampoline_name(self, program: Program) -> bytes:
        """The name under BCC's own prefix, which gained "vmlinux__" after 0.26."""
        prefix = program.name.removesuffix(program.target)
        for name in (f"{prefix}vmlinux__{program.target}", program.name):
            if self._has_function(name.encode()):
                return name.encode()
        raise CannotTraceError(f"BCC made no program for {program.target}")

    def _has_function(self, name: bytes) -> bool:
        library = self._bcc.lib
        count = library.bpf_num_functions(self._bpf.module)
        names = (library.bpf_function_name(self._bpf.module, index) for index in range(count))
        return name in names

    def close(self) -> None:
        """Detach everything and give the maps back."""
        self.attached.clear()
        # It reads tracefs, which only root may; what is attached goes with its descriptors anyway.
        with suppress(Exception):
            self._bpf.cleanup()

    def __enter__(self) -> Module:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _last_lines(text: str, count: int = 3) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "error:" in line][:count] or lines[-count:]
    return " | ".join(telling) or "no further message"
