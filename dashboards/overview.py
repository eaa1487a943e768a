# SPDX-License-Identifier: GPL-2.0-or-later
"""The dashboard "Overview": which file, which node, why, the trend, and what was lost."""

from __future__ import annotations

from dashboards import names
from dashboards.panels import (
    Column,
    Query,
    columns,
    histogram,
    lines,
    number,
    states,
)
from dashboards.shared import (
    FILES,
    HOSTS,
    NUMBER,
    PER_SECOND,
    SECONDS,
    SHARE,
    TIMES,
    Panel,
    board,
    rate,
    rows,
    summed,
    text,
)
from dashboards.thresholds import Thresholds

_WAIT = "immap_wait_seconds_total"
_CONTENDED = "immap_contended_total"
_OPERATIONS = "immap_tree_operations_total"


def render(thresholds: Thresholds) -> str:
    """grafana/overview.json."""
    overview = board(
        "Overview",
        "immapscope-overview",
        "Which file's i_mmap lock hosts wait on, from which NUMA node, why, and since when.",
    )
    return text(
        rows(
            overview,
            {
                "At a glance": _glance(),
                "Which file": _file(),
                "Which node": _node(),
                "Why": _why(),
                "Trend": _trend(thresholds),
                "What was not seen": _loss(),
            },
        )
    )


def _glance() -> list[Panel]:
    waiting = f"sum ({rate(_WAIT)})"
    certain = f"{HOSTS}, {names.MISSING}"
    lost = f"sum ({rate('immap_lost_events_total', certain)})"
    # What is not measured, or did not happen yet, has no series.
    waits, changes = f"sum ({rate(_CONTENDED)})", f"sum ({rate(_OPERATIONS)})"
    taken = f"sum ({rate('immap_acquisitions_total')})"
    seen = f"({taken} or {waits} or vector(0)) + ({changes} or vector(0))"
    return [
        number(
            "Tasks waiting",
            NUMBER,
            "How many tasks wait for an i_mmap lock at any time, on average: seconds waited in each"
            " second. 0.1 is noise on a large host, 10 is ten CPUs' worth of waiting.",
            waiting,
            decimals=2,
        ),
        number(
            "Waits",
            PER_SECOND,
            "How often a task found the lock taken. Many with little time is a lock that is hot but"
            " short; few with much time is one that is held long.",
            f"sum ({rate(_CONTENDED)})",
        ),
        number(
            "Wait per exec",
            SECONDS,
            "Time waited for each exec of the whole host. Unlike the waiting it does not grow with"
            " the number of execs, so it compares a busy hour with a quiet one.",
            f"{waiting}\n/ sum (rate(immap_execs_total{{{HOSTS}}}[$__rate_interval]))",
        ),
        number(
            "Events lost",
            SHARE,
            "The part of all events that could not be attributed, without what may not have been"
            " ours (recursion) and waits that only lack a cause (stack). Above 1 % the other"
            " numbers are too low; the reasons are below.",
            f"{lost}\n/ ({lost} + {seen} > 0)",
            decimals=2,
        ),
        number(
            "Agents up",
            NUMBER,
            "How many of the chosen instances Prometheus could scrape last.",
            f"sum (up{{{HOSTS}}})",
        ),
        number(
            "Oldest snapshot",
            SECONDS,
            "The age of the oldest snapshot of the chosen instances. It stays below two intervals"
            " of the agent; when it grows, that agent shows old numbers. Clocks that differ show"
            " here, too.",
            f"max (time() - immap_last_snapshot_timestamp_seconds{{{HOSTS}}})",
        ),
    ]


def _file() -> list[Panel]:
    by = "instance, file"
    wait, contended = summed(_WAIT, by), summed(_CONTENDED, by)
    operations = summed(_OPERATIONS, by)
    return [
        lines(
            "Tasks waiting, by file",
            NUMBER,
            "Whose lock is waited on: the ten files with the most waiting. `other` sums the files"
            " that have no series of their own.",
            Query(f"topk(10, {summed(_WAIT, 'file')})", "{{file}}"),
            span=24,
            stacked=True,
        ),
        columns(
            "Files",
            "One row for each file of each host, the one with most waiting first. `Each wait` is"
            " how long a task that had to wait did; `each tree operation` spreads all waiting over"
            " every change of the file's tree, which is what the regression alerts compare.",
            ("instance", "file"),
            [
                Column(wait, "Tasks waiting", NUMBER),
                Column(contended, "Waits", PER_SECOND),
                Column(f"{wait}\n/ ({contended} > 0)", "Each wait", SECONDS),
                Column(operations, "Tree operations", PER_SECOND),
                Column(f"{wait}\n/ ({operations} > 0)", "Each tree operation", SECONDS),
            ],
        ),
    ]


def _node() -> list[Panel]:
    buckets = summed("immap_wait_duration_seconds_bucket", "le, node")
    return [
        lines(
            "Tasks waiting, by NUMA node",
            NUMBER,
            "From which node the lock was asked for. One node far above the others is far from the"
            " lock's memory, or runs more of the load.",
            Query(summed(_WAIT, "node"), "node {{node}}"),
            stacked=True,
        ),
        lines(
            "99 of 100 waits are shorter, by NUMA node",
            SECONDS,
            "The 99th percentile of single waits, from a histogram in powers of two: true to a"
            " factor of two, enough to see nodes that are treated unfairly.",
            Query(f"histogram_quantile(0.99, {buckets})", "node {{node}}"),
        ),
        histogram(
            "How long waits are",
            "Waits of each length in each second. Two bands are two kinds of waits: spinning below,"
            " sleeping above.",
            summed("immap_wait_duration_seconds_bucket", "le"),
            span=24,
        ),
    ]


def _why() -> list[Panel]:
    return [
        lines(
            "Tasks waiting, by cause",
            NUMBER,
            "Why they asked for the lock, from the kernel stack of the wait: exec, fork, exit, mmap"
            " and so on; reclaim, migrate and writeback are the kernel's own.",
            Query(summed("immap_wait_cause_seconds_total", "cause"), "{{cause}}"),
            stacked=True,
        ),
        lines(
            "Tasks waiting, by operation",
            NUMBER,
            "What they wanted to change: insert, insert_after (fork) and remove a mapping, adjust"
            " one, or walk the tree, which changes nothing.",
            Query(summed(_WAIT, "operation"), "{{operation}}"),
            stacked=True,
        ),
        lines(
            "Part of the waiting that is spinning",
            SHARE,
            "Waits of writers that ended before they queued, as part of all waiting. Spinning burns"
            " CPU, and tools that use lock:contention_begin do not show it.",
            Query(
                f"{summed('immap_spin_seconds_total', 'instance')}\n/ {summed(_WAIT, 'instance')}",
                "{{instance}}",
            ),
        ),
        lines(
            "Load: execs and forks",
            PER_SECOND,
            "Of the whole host. Waiting that rises with these is load; waiting that rises alone is"
            " not.",
            Query(f"sum ({rate('immap_execs_total', HOSTS)})", "execs"),
            Query(f"sum ({rate('immap_forks_total', HOSTS)})", "forks"),
        ),
    ]


def _trend(thresholds: Thresholds) -> list[Panel]:
    limits = thresholds.regression
    operations = summed(_OPERATIONS, "file")
    return [
        lines(
            "Wait per tree operation, by file",
            SECONDS,
            "All waiting of a file, spread over the changes of its tree. It is what a lock costs"
            " each user of it: equal at any load as long as the lock is not saturated. The ten"
            " dearest files.",
            Query(f"topk(10, {summed(_WAIT, 'file')}\n/ ({operations} > 0))", "{{file}}"),
        ),
        lines(
            "Times its baseline, by host and file",
            TIMES,
            "Wait per tree operation divided by its baseline: against the median of the last"
            f" {limits.baseline}, and against the previous kernel release. 1 is as always; above"
            f" {limits.worse:g} for {limits.for_} fires an alert. Needs the recording rules; only"
            " files that are busy have it.",
            Query(
                f"topk(10, {names.FILE_COST}{{{FILES}}}\n"
                "/ on (job, instance, file) group_right ()"
                f" ({names.COST.baseline}{{{FILES}}} > 0))",
                "{{file}} on {{instance}}, {{against}} {{previous}}",
            ),
        ),
        lines(
            "Tree operations, by file",
            PER_SECOND,
            "Changes of a file's tree of mappings: the load on its lock, waited for or not. The ten"
            " busiest files.",
            Query(f"topk(10, {operations})", "{{file}}"),
        ),
        states(
            "Kernels",
            "Which kernel release ran when, and how its i_mmap is laid out. A step in the panels"
            " above at a change of colour here is the kernel's.",
            Query(
                f"max by (instance, release, layout, shard_policy) (immap_kernel_info{{{HOSTS}}})",
                "{{instance}}: {{release}} {{layout}} {{shard_policy}}",
            ),
            span=12,
        ),
    ]


def _loss() -> list[Panel]:
    return [
        lines(
            "Events lost, by reason",
            PER_SECOND,
            "Events that were seen but could not be attributed. docs/accuracy.md has the reasons;"
            " each has its own unit, and those that begin with recursion are upper bounds.",
            Query(summed("immap_lost_events_total", "reason", HOSTS), "{{reason}}"),
        ),
        lines(
            "Files and series",
            NUMBER,
            "Files that have a slot in the kernel, and series that max_series kept from having a"
            " name of their own at each snapshot (they are summed in `other`).",
            Query(f"sum by (instance) (immap_tracked_inodes{{{HOSTS}}})", "{{instance}} files"),
            Query(
                summed("immap_dropped_series_total", "instance", HOSTS),
                "{{instance}} series dropped a second",
            ),
        ),
        lines(
            "Probes attached",
            NUMBER,
            "BPF programs that are attached. It changes with the kernel and the mode; when it falls"
            " by itself, the agent is going blind.",
            Query(f"sum by (instance) (immap_probes_attached{{{HOSTS}}})", "{{instance}}"),
        ),
        lines(
            "Last reload of the configuration",
            TIMES,
            "1: the configuration in use is that of the file. 0: the file has a mistake, and the"
            " agent goes on with the one before; its log says where.",
            Query(
                f"min by (instance) (immap_config_last_reload_successful{{{HOSTS}}})",
                "{{instance}}",
            ),
        ),
    ]
