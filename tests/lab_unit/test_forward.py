# SPDX-License-Identifier: GPL-2.0-or-later
"""A forwarded port is one on loopback, nobody else's, and all that a guest is connected to."""

import socket

import pytest

from lab import forward
from lab.errors import LabError, UsageError
from lab.forward import Forward


def bound(port: int, *, reuse: bool) -> socket.socket:
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
    taken.bind((forward.HOST, port))
    return taken


def test_two_ports_are_a_forward() -> None:
    assert Forward.parse("19100:9100") == Forward(19100, 9100)
    assert Forward.parse("0:65535") == Forward(0, 65535)


@pytest.mark.parametrize(
    "text", ["", "9100", ":9100", "1:", "1:0", "65536:1", "1:65536", "-1:1", "a:b", "1:2:3", "1:٩"]
)
def test_what_is_no_forward_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="HOST:GUEST"):
        Forward.parse(text)


def test_for_0_there_is_a_free_port_each() -> None:
    with forward.reserved([Forward(0, 9100), Forward(0, 9101)]) as (one, other):
        assert one.host != 0
        assert one.host != other.host
        assert (one.guest, other.guest) == (9100, 9101)


def test_a_reserved_port_is_for_qemu_to_listen_on_and_for_no_other() -> None:
    with forward.reserved([Forward(0, 9100)]) as (one,):
        with pytest.raises(OSError, match="in use"):
            bound(one.host, reuse=False)
        with bound(one.host, reuse=True) as qemu:
            qemu.listen()
            socket.create_connection((forward.HOST, one.host), timeout=30).close()


def test_a_port_that_is_taken_is_told() -> None:
    with (
        bound(0, reuse=False) as taken,
        pytest.raises(LabError, match=r"port \d+ of 127\.0\.0\.1: Address already in use"),
        forward.reserved([Forward(taken.getsockname()[1], 9100)]),
    ):
        pass


def test_a_guest_reaches_nothing_by_itself() -> None:
    (network,) = (word for word in forward.qemu_arguments([Forward(1, 2)]) if "hostfwd" in word)
    assert "restrict=on" in network.split(",")
    assert "hostfwd=tcp:127.0.0.1:1-10.0.2.15:2" in network.split(",")


def test_all_forwards_share_one_network_card() -> None:
    arguments = forward.qemu_arguments([Forward(1, 2), Forward(3, 4)])
    assert arguments.count("-device") == 1
    assert arguments[1].count("hostfwd=") == 2


def test_without_forwards_there_is_no_network_card() -> None:
    assert forward.qemu_arguments([]) == []
