# SPDX-License-Identifier: GPL-2.0-or-later
"""On kernels with several trees a file: each shard has exactly what the policy must give it."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import shard_storm
from shard_storm import (
    BOUNDARY_ROUNDS,
    CHILDREN,
    COUNTS,
    FORKER,
    HALVES,
    MAPPINGS,
    MOVER,
    MOVES,
    PASSING,
    SPLITTER,
    TRUNCATIONS,
    cpu_of_passing,
)
from tracing import (
    LAYOUT,
    LOCKS_OF_A_CHANGE,
    POLICY,
    Json,
    Report,
    is_file,
    layouts_unknown,
    mapped_from,
    new_file,
    shard_of,
    trace,
)

if LAYOUT == "single":
    pytest.skip("this kernel has one tree a file", allow_module_level=True)

CPUS = len(COUNTS)
SHARDS = {"node": CPUS // 2, "cpu": CPUS}[POLICY]


#: The shard of a lock that each change takes beside that of a tree, or instead.
OVER_THE_MAPPING = () if LAYOUT == "split" else (None,)


@pytest.fixture(scope="module", params=["known", "learnt"])
def report(request: pytest.FixtureRequest) -> Report:
    """The storm; once more where what is known of this layout is forgotten."""
    for name in ("shared", "fork", "move", "boundary", "boundaries", "split", "truncate"):
        new_file(f"file-{name}")
    storm = [sys.executable, str(Path(shard_storm.__file__))]
    if request.param == "known":
        return trace(["--mode", "full"], storm)
    with layouts_unknown():
        return trace(["--mode", "full"], storm)


def shards(report: Report, file: Path) -> dict[int, Json]:
    """The shards of `file` by their number."""
    found = report.document["shards"]
    return {one["shard"]: one for one in found if is_file(one["inode"], file)}


def test_the_layout_and_its_policy_are_named(report: Report) -> None:
    kernel = report.document["kernel"]
    assert (kernel["layout"], kernel["shards"], kernel["shard_policy"]) == (LAYOUT, SHARDS, POLICY)


def test_it_says_whether_the_layout_was_learnt(
    report: Report, request: pytest.FixtureRequest
) -> None:
    learnt_from = report.document["kernel"]["learnt_from"]
    known = request.node.callspec.params["report"] == "known"
    assert learnt_from is None if known else learnt_from >= 2 * CPUS


def test_each_shard_has_what_its_cpus_mapped(report: Report) -> None:
    expected: Counter[int] = Counter()
    for cpu, count in COUNTS.items():
        expected[shard_of(cpu)] += count
    found = shards(report, Path("file-shared").absolute())
    trees = {shard: one for shard, one in found.items() if shard is not None}
    assert {shard: one["inserts"] for shard, one in trees.items()} == expected
    assert {shard: one["removes"] for shard, one in trees.items()} == expected
    assert {shard: one["vmas"] for shard, one in trees.items()} == dict.fromkeys(expected, 0)
    homes = {shard_of(cpu): cpu // 2 for cpu in COUNTS}
    assert {shard: one["home_node"] for shard, one in trees.items()} == homes


def test_an_mmap_takes_the_locks_that_the_layout_says(report: Report) -> None:
    file = Path("file-shared").absolute()
    every = sum(COUNTS.values())
    for operation in ("insert", "remove"):
        # Where there is a lock over the mapping each change takes it too, or it alone.
        over_all = 0 if LAYOUT == "split" else every
        counted = report.total("acquisitions", file, shard=None, operation=operation)
        assert counted == over_all
        for cpu, count in COUNTS.items():
            if POLICY == "cpu":
                own = {"split": count, "inverted": count, "tree-only": 0}[LAYOUT]
                shard = shard_of(cpu)
                assert report.total("acquisitions", file, shard=shard, operation=operation) == own
    assert report.total("acquisitions", file) == 2 * every * LOCKS_OF_A_CHANGE


def test_forked_mappings_stay_on_their_parents_shard(report: Report) -> None:
    file = Path("file-fork").absolute()
    home, elsewhere = FORKER
    forked = MAPPINGS * CHILDREN
    (shard,) = (one for number, one in shards(report, file).items() if number is not None)
    assert shard["shard"] == shard_of(home)
    assert (shard["inserts"], shard["inserts_after"]) == (MAPPINGS, forked)
    assert shard["removes"] == MAPPINGS + forked
    assert report.tree_operations(file) == {
        home // 2: (MAPPINGS, 0, 0),
        elsewhere // 2: (0, forked, MAPPINGS + forked),
    }


def test_a_moved_mapping_stays_on_its_shard_wherever_it_is_moved_from(report: Report) -> None:
    # mremap relies on rmap walks that meet the original before its copy.
    file = Path("file-move").absolute()
    home, elsewhere = MOVER
    (shard,) = (one for number, one in shards(report, file).items() if number is not None)
    assert shard["shard"] == shard_of(home)
    assert (shard["inserts"], shard["removes"]) == (1 + MOVES, MOVES + 1)
    assert report.tree_operations(file) == {
        home // 2: (1, 0, 0),
        elsewhere // 2: (MOVES, 0, MOVES + 1),
    }


def test_a_boundary_that_moves_within_a_tree_takes_its_lock_once(report: Report) -> None:
    file = Path("file-boundary").absolute()
    moves = 2 * BOUNDARY_ROUNDS
    (shard,) = (one for number, one in shards(report, file).items() if number is not None)
    assert shard["shard"] == shard_of(HALVES[0])
    # Each move takes both mappings out and puts them back.
    assert (shard["inserts"], shard["removes"]) == (2 + 2 * moves, 2 + 2 * moves)
    for lock in {None if LAYOUT == "tree-only" else shard_of(HALVES[0]), *OVER_THE_MAPPING}:
        assert report.total("acquisitions", file, shard=lock, operation="adjust") == moves


def test_boundaries_that_move_between_two_trees_lock_nobody_out(report: Report) -> None:
    file = Path("file-boundaries").absolute()
    moves = 2 * 2 * BOUNDARY_ROUNDS
    trees = {number: one for number, one in shards(report, file).items() if number is not None}
    assert trees.keys() == {shard_of(cpu) for cpu in HALVES}
    for shard in trees.values():
        assert (shard["inserts"], shard["removes"]) == (2 + moves, 2 + moves)
    locks = set(OVER_THE_MAPPING) if LAYOUT == "tree-only" else {*trees, *OVER_THE_MAPPING}
    for lock in locks:
        assert report.total("acquisitions", file, shard=lock, operation="adjust") == moves


def test_a_split_stays_on_one_shard_and_takes_its_lock_once(report: Report) -> None:
    file = Path("file-split").absolute()
    cpu, count = SPLITTER
    (shard,) = (one for number, one in shards(report, file).items() if number is not None)
    assert shard["shard"] == shard_of(cpu)
    assert (shard["inserts"], shard["removes"]) == (5 * count, 5 * count)
    lock = None if LAYOUT == "tree-only" else shard_of(cpu)
    assert report.total("acquisitions", file, shard=lock, operation="adjust") == 2 * count


def test_a_truncation_sweeps_over_every_shard(report: Report) -> None:
    file = Path("file-truncate").absolute()
    sweeps = [one for one in report.document["sweeps"] if is_file(one["inode"], file)]
    walks = Counter[int | None]()
    for row in report.rows(file, operation="walk"):
        walks[row["shard"]] += row["acquisitions"]
    if LAYOUT != "split":
        # One lock excludes whoever changes a tree: nothing is taken in turn.
        assert sweeps == []
        assert walks.keys() == {None}
        assert walks[None] >= 2 * TRUNCATIONS
        return
    # truncate_pagecache() walks twice.
    (sweep,) = sweeps
    assert sweep["count"] >= 2 * TRUNCATIONS
    assert walks == dict.fromkeys(range(SHARDS), sweep["count"])


def test_a_file_that_is_mapped_and_named_is_known_from_the_first_walk_on() -> None:
    # Nothing changes its trees in the session, so nothing but the name can tell whose locks they
    # are; one over the mapping is known by its address.
    file = new_file("mapped-before")
    with mapped_from(4, file):
        options = ["--mode", "full", "--inode", file.name]
        report = trace(options, ["./treeops", "0", str(file), "truncate", "61"])
    walks = Counter[int | None]()
    for row in report.rows(file):
        walks[row["shard"]] += row["acquisitions"]
    assert report.law() == {"acquisitions": 0, "waits": 0}
    assert walks.keys() == (set(range(SHARDS)) if LAYOUT == "split" else {None})
    assert len(set(walks.values())) == 1
    assert min(walks.values()) >= 61


def test_what_the_agent_maps_to_learn_is_in_no_number(report: Report) -> None:
    document = report.document
    parts = ("rows", "shards", "sweeps", "tree_operations")
    named = {(one["inode"] or {}).get("name") for part in parts for one in document[part]}
    assert "file-shared" in named
    assert not {name for name in named if name and "immapscope" in name}


def test_memory_that_is_used_again_is_never_the_last_files(report: Report) -> None:
    found: dict[str, list[tuple[int, int, int]]] = {}
    for one in report.document["shards"]:
        name = (one["inode"] or {}).get("name") or ""
        if name.startswith("passing-") and one["shard"] is not None:
            found.setdefault(name, []).append((one["shard"], one["inserts"], one["removes"]))
    assert found == {
        f"passing-{number}": [(shard_of(cpu_of_passing(number)), 1, 1)] for number in range(PASSING)
    }
    taken = Counter[str]()
    for row in report.rows():
        name = (row["inode"] or {}).get("name") or ""
        if name.startswith("passing-") and row["operation"] in ("insert", "remove"):
            taken[name] += row["acquisitions"]
    assert taken == {f"passing-{number}": 2 * LOCKS_OF_A_CHANGE for number in range(PASSING)}


def test_nor_under_load_where_each_is_waited_for() -> None:
    # Tasks on CPUs 0 to 3 meet on one file after the other, and each is deleted when they leave.
    files, rounds = 499, 20
    report = trace(["--mode", "full"], ["./churn", "4", str(files), str(rounds)])
    homes = {shard_of(cpu): cpu // 2 for cpu in range(4)}
    taken, contended = Counter[str](), 0
    for row in report.rows():
        name = (row["inode"] or {}).get("name") or ""
        if not name.startswith("churn-") or row["operation"] not in ("insert", "remove"):
            continue
        assert row["shard"] in (*homes, *OVER_THE_MAPPING)
        assert row["node"] == homes.get(row["shard"], row["node"])
        taken[name] += row["acquisitions"]
        contended += row["contended"]
    each = 4 * rounds * 2 * LOCKS_OF_A_CHANGE
    assert taken == {f"churn-{number}": each for number in range(files)}
    if POLICY == "node" or LAYOUT == "tree-only":
        # Where each has a tree to itself, and shares what lock is over it, nobody waits.
        assert contended > files // 10
    assert report.law() == {"acquisitions": 0, "waits": 0}


WAITER_CPUS = (2, 4, 6)
LONG_SECONDS = 0.2


@pytest.fixture(scope="module", params=["full", "contention"])
def blocked(request: pytest.FixtureRequest) -> Report:
    """A truncation holds every lock of a file for long, while three nodes map it."""
    subprocess.run(["sysctl", "-q", "vm.max_map_count=4000000"], check=True)
    file = new_file("held")
    command = f"./longhold {file} 1.2 {' '.join(map(str, WAITER_CPUS))} > /dev/null"
    return trace(["--mode", request.param, "--inode", str(file)], ["sh", "-c", command])


def test_who_waits_for_a_walk_waits_for_the_lock_of_their_own_shard(blocked: Report) -> None:
    long = [
        row
        for row in blocked.rows(Path("held").absolute())
        if row["wait_seconds_max"] >= LONG_SECONDS and row["operation"] in ("insert", "remove")
    ]
    assert {row["node"] for row in long} == {cpu // 2 for cpu in WAITER_CPUS}
    # Elsewhere they wait for the one lock over the whole file.
    shards_of_node = {cpu // 2: shard_of(cpu) if LAYOUT == "split" else None for cpu in WAITER_CPUS}
    assert {row["node"]: row["shard"] for row in long} == shards_of_node


def test_a_sweep_costs_what_its_waits_cost(blocked: Report) -> None:
    walks = blocked.rows(Path("held").absolute(), operation="walk")
    waited = sum(row["wait_seconds"] for row in walks)
    swept = sum(sweep["wait_seconds"] for sweep in blocked.document["sweeps"])
    if LAYOUT == "split":
        assert swept == pytest.approx(waited, rel=1e-6, abs=1e-9)
    else:
        assert swept == 0


def test_the_law_holds_while_many_wait(blocked: Report) -> None:
    assert set(blocked.law().values()) == {0}


def test_the_law_holds_and_nothing_was_lost(report: Report) -> None:
    assert report.law() == {"acquisitions": 0, "waits": 0}
    assert report.lost("acquisitions") == 0
    assert report.lost("waits") == 0
    assert report.lost("acquisitions", upper_bounds=True) == 0
    assert report.lost("tree_operations", upper_bounds=True) == 0
