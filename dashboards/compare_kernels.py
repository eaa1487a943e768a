# SPDX-License-Identifier: GPL-2.0-or-later
"""The dashboard "Compare kernels": two hosts, or two boots of one, side by side.

A side is an instance, a kernel release and a shard policy; `immap_kernel_info` says when a host ran
which. All numbers are joined with it, so that a side has no data while another kernel ran.
"""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from dashboards.panels import Column, Query, columns, lines, number, states
from dashboards.shared import (
    FILES,
    HOSTS,
    NUMBER,
    PER_SECOND,
    SECONDS,
    TIMES,
    Panel,
    board,
    rate,
    rows,
    text,
    variable,
)

_SIDES = ("Left", "Right")
_WAIT = "immap_wait_seconds_total"
_OPERATIONS = "immap_tree_operations_total"
_BUCKETS = "immap_wait_duration_seconds_bucket"


def render() -> str:
    """grafana/compare-kernels.json."""
    return text(
        rows(
            _with_sides(
                board(
                    "Compare kernels",
                    "immapscope-compare-kernels",
                    "Two hosts, or two boots of one host, side by side. Choose a kernel on the left"
                    " and one on the right, and a time range in which both ran.",
                )
            ),
            {
                "Which kernels": [_ran("Left"), _ran("Right")],
                "Over the whole time range": _summary(),
                "Side by side": [
                    panel
                    for pair in zip(_courses("Left"), _courses("Right"), strict=True)
                    for panel in pair
                ],
            },
        )
    )


def _with_sides(into: dashboard.Dashboard) -> dashboard.Dashboard:
    for side in _SIDES:
        name = side.lower()
        hosts = f"immap_kernel_info{{{HOSTS}}}"
        host = f'{HOSTS}, instance=~"${name}_instance"'
        release = f'{host}, release=~"${name}_release"'
        into.with_variable(variable(f"{name}_instance", f"{side} instance", hosts, "instance"))
        into.with_variable(
            variable(
                f"{name}_release", f"{side} release", f"immap_kernel_info{{{host}}}", "release"
            )
        )
        # Layout single has no policy: an empty label, which .+ would not match.
        into.with_variable(
            variable(
                f"{name}_policy",
                f"{side} shard policy",
                f"immap_kernel_info{{{release}}}",
                "shard_policy",
                every=".*",
            )
        )
    return into


def _kernel(side: str) -> str:
    name = side.lower()
    return (
        f'immap_kernel_info{{{HOSTS}, instance=~"${name}_instance",'
        f' release=~"${name}_release", shard_policy=~"${name}_policy"}}'
    )


def _joined(side: str) -> str:
    # Were two kernels of one host there at a time, as after a restart of Prometheus, a join with
    # both would fail.
    return f"on (job, instance) group_left () max by (job, instance) ({_kernel(side)})"


def _rate(side: str, metric: str, matchers: str = FILES) -> str:
    """A counter's rate on that side, only while its kernel ran."""
    return f"{rate(metric, matchers)} * {_joined(side)}"


def _over_range(side: str, metric: str, by: str, matchers: str = FILES) -> str:
    return f"sum_over_time((sum by ({by}) ({_rate(side, metric, matchers)}))[$__range:1m])"


def _ran(side: str) -> Panel:
    return states(
        f"{side}: kernels that ran",
        "Which of the chosen kernels ran when. If there are several, the numbers of this side are"
        " their sum: choose one.",
        Query(
            f"max by (instance, release, layout, shard_policy) ({_kernel(side)})",
            "{{instance}}: {{release}} {{layout}} {{shard_policy}}",
        ),
        span=12,
    )


def _summary() -> list[Panel]:
    cost = {
        side: (
            f"{_over_range(side, _WAIT, 'file')}\n/ ({_over_range(side, _OPERATIONS, 'file')} > 0)"
        )
        for side in _SIDES
    }
    load = {side: _over_range(side, _OPERATIONS, "file") + " * 60" for side in _SIDES}
    execs = {
        side: (
            f"sum ({_over_range(side, _WAIT, 'instance')})\n"
            f"/ sum ({_over_range(side, 'immap_execs_total', 'instance', HOSTS)})"
        )
        for side in _SIDES
    }
    return [
        *(
            number(
                f"{side}: wait per exec",
                SECONDS,
                "Time waited for each exec of the host, over the whole time range. It allows for"
                " different numbers of execs, not for different concurrency.",
                execs[side],
                span=12,
            )
            for side in _SIDES
        ),
        columns(
            "Files",
            "Wait per tree operation of each file on both sides, over the whole time range. Right"
            " by left above 1: the right kernel's lock is dearer. Compare only equal load: the"
            " tree operations of both sides, in total, are beside it.",
            ("file",),
            [
                Column(f"({cost['Right']})\n/ ({cost['Left']} > 0)", "Right by left", TIMES),
                Column(cost["Left"], "Left, each operation", SECONDS),
                Column(cost["Right"], "Right, each operation", SECONDS),
                Column(load["Left"], "Left, operations", NUMBER),
                Column(load["Right"], "Right, operations", NUMBER),
            ],
        ),
    ]


def _courses(side: str) -> list[Panel]:
    wait = f"sum by (file) ({_rate(side, _WAIT)})"
    operations = f"sum by (file) ({_rate(side, _OPERATIONS)})"
    return [
        lines(
            f"{side}: wait per tree operation",
            SECONDS,
            "What each change of a file's tree waited for its lock. Compare the height with the"
            " other side, at equal load.",
            Query(f"topk(5, {wait}\n/ ({operations} > 0))", "{{file}}"),
        ),
        lines(
            f"{side}: tree operations",
            PER_SECOND,
            "The load on the locks. Where it differs from the other side, waits differ too and mean"
            " little.",
            Query(f"topk(5, {operations})", "{{file}}"),
        ),
        lines(
            f"{side}: tasks waiting, by node",
            NUMBER,
            "From which NUMA nodes. A kernel that treats nodes alike has bands of equal width.",
            Query(f"sum by (node) ({_rate(side, _WAIT)})", "node {{node}}"),
            stacked=True,
        ),
        lines(
            f"{side}: tasks waiting, by operation",
            NUMBER,
            "What they wanted to do. Splitting the tree makes inserts and removes cheaper, walks"
            " dearer.",
            Query(f"sum by (operation) ({_rate(side, _WAIT)})", "{{operation}}"),
            stacked=True,
        ),
        lines(
            f"{side}: tasks waiting, by cause",
            NUMBER,
            "Why they asked for the lock.",
            Query(f"sum by (cause) ({_rate(side, 'immap_wait_cause_seconds_total')})", "{{cause}}"),
            stacked=True,
        ),
        lines(
            f"{side}: half of the waits, and 99 of 100, are shorter",
            SECONDS,
            "Percentiles of single waits, true to a factor of two. A new kernel may be better for"
            " most and worse for the last one.",
            *(
                Query(
                    f"histogram_quantile({quantile}, sum by (le) ({_rate(side, _BUCKETS)}))",
                    legend,
                )
                for quantile, legend in ((0.5, "half"), (0.99, "99 of 100"))
            ),
        ),
    ]
