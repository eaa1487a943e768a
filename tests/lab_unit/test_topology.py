# SPDX-License-Identifier: GPL-2.0-or-later
"""The shape that a guest is asked to have is the shape that QEMU is told to make."""

from itertools import pairwise

import pytest

from lab.errors import UsageError
from lab.topology import Topology, parse_memory


def pairs(arguments: list[str], option: str) -> list[str]:
    return [value for name, value in pairwise(arguments) if name == option]


def test_each_socket_is_a_node_with_memory_and_cpus_of_its_own() -> None:
    arguments = Topology.parse("4x2").qemu_arguments(3072)
    assert pairs(arguments, "-smp") == ["8,sockets=4,cores=2,threads=1"]
    assert pairs(arguments, "-m") == ["3072M"]
    assert "memory-backend-ram,id=node3,size=768M" in pairs(arguments, "-object")
    assert "node,nodeid=3,cpus=6-7,memdev=node3" in pairs(arguments, "-numa")


def test_another_node_is_twice_as_far_as_the_own() -> None:
    distances = pairs(Topology.parse("2x1").qemu_arguments(512), "-numa")[2:]
    assert distances == [
        "dist,src=0,dst=0,val=10",
        "dist,src=0,dst=1,val=20",
        "dist,src=1,dst=0,val=20",
        "dist,src=1,dst=1,val=10",
    ]


def test_memory_that_does_not_divide_is_rounded_down_to_equal_nodes() -> None:
    arguments = Topology.parse("3x1").qemu_arguments(1000)
    assert pairs(arguments, "-m") == ["999M"]


@pytest.mark.parametrize(
    "text", ["", "4", "0x2", "4x", "x2", "4x2x1", "-1x2", "4X2", "65x1", "16x16", "٤x٢"]
)
def test_what_is_no_topology_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="topology"):
        Topology.parse(text)


@pytest.mark.parametrize(("text", "mib"), [("3G", 3072), ("512M", 512), ("2g", 2048)])
def test_memory_is_a_number_of_mebibytes_or_gibibytes(text: str, mib: int) -> None:
    assert parse_memory(text) == mib


@pytest.mark.parametrize("text", ["", "3", "0G", "1.5G", "-1G", "3T"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="memory"):
        parse_memory(text)
