# SPDX-License-Identifier: GPL-2.0-or-later
"""A port of the guest that programs on this machine reach on 127.0.0.1; nothing else is connected.

QEMU's user networking accepts on the host and connects to the guest. With `restrict=on` the guest
itself reaches nothing: neither this machine nor what lies beyond.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from lab.errors import LabError, UsageError

HOST = "127.0.0.1"
# The guest's address in QEMU's user networking; lab/guest/init gives it to its network card.
GUEST = "10.0.2.15"
_LARGEST = 65535


@dataclass(frozen=True)
class Forward:
    """Port `host` of 127.0.0.1 leads to port `guest` of the guest; host 0 is any free one."""

    host: int
    guest: int

    @classmethod
    def parse(cls, text: str) -> Forward:
        """'19100:9100' or '0:9100'; UsageError for anything else."""
        match = re.fullmatch(r"(\d{1,5}):(\d{1,5})", text, re.ASCII)
        if not match or int(match[1]) > _LARGEST or not 1 <= int(match[2]) <= _LARGEST:
            raise UsageError(f"forward {text!r} is not HOST:GUEST, two ports such as 0:9100")
        return cls(int(match[1]), int(match[2]))


@contextmanager
def reserved(wanted: Sequence[Forward]) -> Iterator[tuple[Forward, ...]]:
    """The same with free ports for 0, kept from all but QEMU; LabError if one is taken.

    QEMU sets SO_REUSEADDR too, and so may listen where this only binds; nobody is given such a port
    by chance.
    """
    with ExitStack() as stack:
        yield tuple(_reserve(one, stack) for one in wanted)


def _reserve(forward: Forward, stack: ExitStack) -> Forward:
    keeper = stack.enter_context(socket.socket())
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        keeper.bind((HOST, forward.host))
    except OSError as error:
        raise LabError(f"port {forward.host} of {HOST}: {error.strerror}") from error
    return Forward(keeper.getsockname()[1], forward.guest)


def qemu_arguments(forwards: Sequence[Forward]) -> list[str]:
    """A network card that only these ports lead to; nothing where there are none."""
    if not forwards:
        return []
    network = "user,id=network,restrict=on,ipv6=off"
    for one in forwards:
        network += f",hostfwd=tcp:{HOST}:{one.host}-{GUEST}:{one.guest}"
    # Nothing boots from it, so it needs no boot code.
    return ["-netdev", network, "-device", "virtio-net-pci,netdev=network,romfile="]
