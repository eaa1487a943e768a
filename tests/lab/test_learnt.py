# SPDX-License-Identifier: GPL-2.0-or-later
"""A released kernel's layout is learnt by watching as it is known; test_shards has the others."""

from __future__ import annotations

import os

import pytest
from tracing import LAYOUT, agent, layouts_unknown, new_file, trace

#: From which CPU the file is mapped and unmapped how often.
CPU, COUNT = 5, 997

if LAYOUT != "single":
    pytest.skip("this kernel has several trees a file", allow_module_level=True)


def test_one_tree_under_one_lock_is_learnt_and_counted_by() -> None:
    file = new_file("learnt")
    with layouts_unknown():
        report = trace(["--mode", "full"], ["./treeops", str(CPU), str(file), "map", str(COUNT)])
    kernel = report.document["kernel"]
    assert (kernel["layout"], kernel["shards"], kernel["shard_policy"]) == ("single", 1, None)
    assert kernel["learnt_from"] >= 2 * len(os.sched_getaffinity(0))
    assert report.tree_operations(file) == {CPU // 2: (COUNT, 0, COUNT)}
    assert report.total("acquisitions", file, shard=0) == 2 * COUNT
    assert report.law() == {"acquisitions": 0, "waits": 0}
    # What was mapped to learn it is in no number.
    assert not [one for one in report.document["tree_operations"] if one["inode"] is None]
    named = {(one["inode"] or {}).get("name") for one in report.document["tree_operations"]}
    assert not {name for name in named if name and "immapscope" in name}


def test_doctor_says_what_was_learnt() -> None:
    with layouts_unknown():
        done = agent("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "unknown, to be learnt by watching" in done.stdout
    assert "layout single learnt by watching" in done.stdout
