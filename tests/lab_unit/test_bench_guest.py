# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest of the bench reads of other people's tools, of the kernel and of its own work."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

import accuracy
import lock_stat
import measure
import printed
import processes
import pytest


def test_fixedwork_is_read_among_other_lines() -> None:
    assert measure.elapsed("Tracing...\nexec 123\n\nmmap 7\nwaits 3 4\n") == {
        "exec": 123,
        "mmap": 7,
    }


def test_a_work_is_a_line_for_the_shell() -> None:
    assert measure.shell_command("exec:50:16") == "./fixedwork /usr/bin/true exec 50 16"
    assert measure.shell_command("scaled:3:60:40").endswith("scaled.py 3 60 40")


def test_memory_is_what_the_kernel_left(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:        3012344 kB\nMemFree:  1 kB\n")
    assert measure.memory_bytes(meminfo) == 3012344 * 1024


KLOCKSTAT = """\
                               Caller  Avg Wait    Count   Max Wait   Total Wait
                      vma_link+0x3c    1.5 us     5012    12.0 ms       1.2 s{}
                            Unknown   800 ns       10     1.0 us       8.0 us

                               Caller  Avg Hold    Count   Max Hold   Total Hold
                      vma_link+0x3c    1.5 us     5012    12.0 ms       1.2 s{}
""".replace("{}", " ")


def test_klockstat_is_read_as_it_prints() -> None:
    assert [astuple(row) for row in printed.klockstat(KLOCKSTAT)] == [
        pytest.approx((5012, 1.2, 0.012)),
        pytest.approx((10, 8e-6, 1e-6)),
    ]
    assert printed.counted_by_klockstat(KLOCKSTAT) == {"acquisitions": 5022}


def test_perf_is_read_as_it_prints() -> None:
    text = """
 contended   total wait     max wait     avg wait            address   symbol

        12     34.10 ms      7.31 ms      2.84 ms   ffff8c1a41e0c1d8
         3      1.00 us      1.00 us      1.00 us   ffff8c1a41e0ffff
"""
    lock = 0xFFFF8C1A41E0C1D8
    found = printed.perf_contention(text, lock)
    assert found is not None
    assert astuple(found) == pytest.approx((12, 0.0341, 0.00731))
    assert printed.perf_contention(text, lock + 8) is None


@pytest.mark.parametrize(
    ("said", "counted"),
    [
        (
            "[ perf record: Captured and wrote 1.2 MB /tmp/perf.data (1934 samples) ]",
            {"records": 1934, "lost": 0},
        ),
        (
            "Warning:\nProcessed 1934 events and lost 3 chunks!\n"
            "[ perf record: Captured and wrote 1.2 MB /tmp/perf.data (1934 samples) ]",
            {"records": 1934, "lost": None},
        ),
        ("killed", {"records": None, "lost": None}),
    ],
)
def test_what_perf_lost_is_a_number_only_where_it_is_none(
    said: str, counted: dict[str, int | None]
) -> None:
    assert printed.counted_by_perf(said) == counted


def test_the_maps_of_bpftrace_are_summed() -> None:
    text = "Attaching 4 probes...\n\n@waited[12]: 900\n@waits[12]: 3\n@waits[14]: 4\n"
    assert printed.counted_by_bpftrace(text) == {"acquisitions": None, "waits": 7}
    assert printed.counted_by_bpftrace("@acquired[12]: 5\n")["acquisitions"] == 5


LOCK_STAT = """\
lock_stat version 0.4
                              class name    con-bounces    contentions   waittime-min

                &mapping->i_mmap_rwsem-W:             4              9           0.25        1500.00        2000.50         222.27             60            600           0.10          20.00         900.00           1.50
                &mapping->i_mmap_rwsem-R:             0              0           0.00           0.00           0.00           0.00              1              5           0.10           1.00           2.00           0.40
                -------------------------
                &mapping->i_mmap_rwsem              9          [<00000000a1b2c3d4>] vma_link+0x3c/0xa0
"""  # noqa: E501


def test_lock_stat_is_read_by_class() -> None:
    write, read = lock_stat.classes(LOCK_STAT)
    name, *numbers = astuple(write)
    assert name == "&mapping->i_mmap_rwsem-W"
    assert numbers == pytest.approx([9, 2000.5e-6, 1500e-6, 600])
    assert (read.contentions, read.acquisitions) == (0, 5)


def test_what_a_tool_takes_is_counted_once(tmp_path: Path) -> None:
    folder = tmp_path / "77"
    (folder / "fdinfo").mkdir(parents=True)
    (folder / "status").write_text("Name:\tklockstat\nVmHWM:\t    9000 kB\nVmRSS:\t 8000 kB\n")
    program = "pos:\t0\nprog_id:\t3\nmemlock:\t4096\nrecursion_misses:\t2\n"
    link = "pos:\t0\nlink_id:\t9\nprog_id:\t3\n"
    descriptors = (program, program, "map_id:\t4\nmemlock:\t8192\n", "pos:\t0\n", link)
    for number, text in enumerate(descriptors):
        (folder / f"fdinfo/{number}").write_text(text)
    (folder / "maps").write_text(
        "7f0000000000-7f0000081000 rw-s 00000000 00:0e 11 anon_inode:[perf_event]\n"
        "7f0000100000-7f0000200000 r-xp 00000000 08:01 12 /usr/bin/perf\n"
    )
    assert processes.taken(77, tmp_path) == {
        "resident_bytes": 9000 * 1024,
        "kernel_bytes": 4096 + 8192 + 0x81000,
        "skipped": 2,
    }
    assert processes.attached(77, tmp_path) == len(descriptors) + 1


def test_who_has_no_program_yet_is_not_attached(tmp_path: Path) -> None:
    folder = tmp_path / "77/fdinfo"
    folder.mkdir(parents=True)
    (folder / "0").write_text("pos:\t0\n")
    assert processes.attached(77, tmp_path) == 0
    assert processes.attached(78, tmp_path) == 0


def test_the_longest_is_what_was_timed_in_either_words() -> None:
    assert accuracy.longest("truncate 9\n2 mmap 30 munmap 40\n4 mmap 7 munmap 8\n") == 40
    assert accuracy.longest("[ 1.0] test_lockup: Maximum lock wait: 1500 ns\n") == 1500
    assert accuracy.longest("nothing was timed") is None


def test_the_module_takes_its_lock_as_often_as_is_known() -> None:
    works = accuracy.workloads(Path("/f"), cpus=8, maps=10, seconds="1.2")
    assert {name: known for name, (_, known) in works.items()} == {
        "storm": 160,
        "long hold": None,
        "test_lockup": 24,
    }
    (_, _, script), _ = works["test_lockup"]
    assert "file_path=/f" in script
    assert "all_cpus=1 iterations=2" in script
