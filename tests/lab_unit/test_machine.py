# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest's hardware: a network only if asked for, nothing shared that it could change."""

from dataclasses import replace
from pathlib import Path

import pytest

from lab.forward import Forward
from lab.image import PARTUUID, partition_table
from lab.kernel import Kernel
from lab.machine import Machine
from lab.topology import Topology

SERIAL = {"console": "/run/console", "stdout": "/dev/fd/5"}


@pytest.fixture
def machine() -> Machine:
    return Machine(
        kernel=Kernel("6.12", Path("/k/bzImage"), Path("/k/modules.ext4")),
        topology=Topology(4, 2),
        memory_mib=3072,
        append="",
        accelerator=("-accel", "tcg,thread=multi"),
        root=Path("/image/root.img"),
        job=Path("/run/job.ext4"),
        out=Path("/run/out.ext4"),
        init="lab",
        forwards=(),
    )


def test_a_guest_has_no_network(machine: Machine) -> None:
    arguments = machine.arguments(SERIAL)
    assert "-nodefaults" in arguments
    assert not any("net" in argument for argument in arguments if argument != "-nodefaults")


def test_a_forwarded_port_brings_a_card_and_the_address_that_init_gives_it(
    machine: Machine,
) -> None:
    assert "lab_address" not in machine.kernel_command_line()
    forwarding = replace(machine, forwards=(Forward(19100, 9100),))
    assert "lab_address=10.0.2.15" in forwarding.kernel_command_line().split()
    assert any("-10.0.2.15:9100" in argument for argument in forwarding.arguments(SERIAL))


def test_the_guest_is_told_which_init_it_is_to_have(machine: Machine) -> None:
    assert "lab_init=lab" in machine.kernel_command_line().split()
    systemd = replace(machine, init="systemd")
    assert "lab_init=systemd" in systemd.kernel_command_line().split()


def test_what_guests_share_stays_as_it_is_whatever_one_writes(machine: Machine) -> None:
    drives = [argument for argument in machine.arguments(SERIAL) if "file=/" in argument]
    snapshots = {
        drive.split("file=")[1].split(",")[0] for drive in drives if "snapshot=on" in drive
    }
    assert snapshots == {"/image/root.img", "/k/modules.ext4"}


def test_each_disk_has_the_number_that_init_looks_for(machine: Machine) -> None:
    namespaces = [a for a in machine.arguments(SERIAL) if a.startswith("nvme-ns,")]
    assert namespaces == [f"nvme-ns,drive=disk{n},nsid={n}" for n in (1, 2, 3, 4)]
    assert [disk.path.name for disk in machine.disks()] == [
        "root.img",
        "job.ext4",
        "out.ext4",
        "modules.ext4",
    ]


def test_a_kernel_without_modules_is_not_waited_on_for_them(machine: Machine) -> None:
    assert "lab_modules=yes" in machine.kernel_command_line()
    bare = replace(machine, kernel=Kernel("6.12", Path("/k/bzImage"), None))
    assert "lab_modules" not in bare.kernel_command_line()
    assert len(bare.disks()) == 3


def test_what_the_user_appends_comes_last_and_so_wins(machine: Machine) -> None:
    line = replace(machine, append="loglevel=7 i_mmap_shards=cpu").kernel_command_line()
    assert line.endswith(" loglevel=7 i_mmap_shards=cpu")
    assert line.index("loglevel=4") < line.index("loglevel=7")


def test_serial_ports_come_in_the_order_given(machine: Machine) -> None:
    arguments = machine.arguments(SERIAL)
    ports = [a for a in arguments if a.startswith("chardev:")]
    assert ports == ["chardev:console", "chardev:stdout"]
    assert "file,id=stdout,path=/dev/fd/5" in arguments


def test_a_comma_in_a_path_is_part_of_the_path(machine: Machine) -> None:
    arguments = replace(machine, job=Path("/a,b/job")).arguments(SERIAL)
    assert any("file=/a,,b/job" in argument for argument in arguments)


def test_the_root_is_found_by_its_partitions_name_and_not_by_the_disks_number() -> None:
    sector = partition_table(600)
    assert len(sector) == 512
    assert sector[-2:] == b"\x55\xaa"
    signature = int.from_bytes(sector[440:444], "little")
    assert f"{signature:08x}-01" == PARTUUID
    start, count = (int.from_bytes(sector[n : n + 4], "little") for n in (454, 458))
    assert (start, count) == (2048, 600 * 2048)
