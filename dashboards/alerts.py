# SPDX-License-Identifier: GPL-2.0-or-later
"""The alerts. Only a dearer lock at equal load is worth waking someone (severity "page")."""

from __future__ import annotations

from typing import Final

from dashboards import names
from dashboards.alert import Alert, Format, Value, Worst
from dashboards.names import COST
from dashboards.rulefile import Group, render
from dashboards.thresholds import Thresholds, seconds

PAGE: Final = "page"
TICKET: Final = "ticket"

_FILE: Final = "on (job, instance, file)"


def text(thresholds: Thresholds) -> str:
    """prometheus/alerts.yaml."""
    rules = [_rule(alert, thresholds) for alert in alerts(thresholds)]
    return render([Group("immapscope-alerts", thresholds.evaluation.rates, rules)])


def _rule(alert: Alert, thresholds: Thresholds) -> dict[str, object]:
    return {
        "alert": alert.name,
        "expr": alert.expr,
        "for": alert.for_,
        "labels": alert.all_labels(),
        "annotations": {
            "summary": alert.for_prometheus(alert.summary),
            "description": alert.for_prometheus(alert.description),
            "runbook_url": alert.runbook_url(thresholds.runbook_base),
        },
    }


def alerts(thresholds: Thresholds) -> tuple[Alert, ...]:
    """All of them, the page first."""
    return (*_regression(thresholds), *_shards(thresholds), *_blind(thresholds))


def _regression(thresholds: Thresholds) -> tuple[Alert, ...]:
    limits = thresholds.regression
    window = thresholds.rate_window
    details = (
        Worst("Node", "immap_wait_seconds_total", "node", window),
        Worst("Shard", "immap_wait_seconds_total", "shard", window),
        Value("Recent", COST.baseline, 'against="recent"', Format.DURATION),
        Value("Previous", COST.baseline, 'against="previous_release"', Format.DURATION),
    )
    numbers = (
        f"Now @value@ of waiting for each tree operation; median of {limits.baseline}: @Recent@;"
        " under the previous kernel release: @Previous@."
        " Most of the waiting is on node @Node@ and shard @Shard@."
    )
    return (
        Alert(
            name="ImmapWaitRegressionCost",
            expr=names.FILE_WORSE_COST,
            for_=limits.for_,
            severity=PAGE,
            labels={"kind": "cost"},
            format=Format.DURATION,
            details=details,
            summary=(
                "The i_mmap lock of {{ $labels.file }} on {{ $labels.instance }} got slower at"
                " equal load: @value@ of waiting for each tree operation, worst on node @Node@"
            ),
            description=(
                f"{numbers} The rate of tree operations is at most {limits.equal_load:g} times what"
                " it was, so load does not explain it."
            ),
        ),
        Alert(
            name="ImmapWaitRegressionLoad",
            expr=names.FILE_WORSE_LOAD,
            for_=limits.for_,
            severity=TICKET,
            labels={"kind": "load"},
            format=Format.DURATION,
            details=details,
            summary=(
                "The i_mmap lock of {{ $labels.file }} on {{ $labels.instance }} is waited for"
                " longer, at a higher load: @value@ for each tree operation, worst on node @Node@"
            ),
            description=(
                f"{numbers} The rate of tree operations is above {limits.equal_load:g} times what"
                " it was: waits grow with concurrency, so this may be the load alone."
            ),
        ),
    )


def _shards(thresholds: Thresholds) -> tuple[Alert, ...]:
    window = thresholds.rate_window
    wait = names.FILE_SHARD_WAIT
    least = thresholds.regression.least_wait_seconds_per_second
    busy = f"and {_FILE} {names.FILE_WAIT} >= {least:g}\n"
    worst_node = Worst("Node", "immap_wait_seconds_total", "node", window)
    return (
        Alert(
            name="ImmapShardHot",
            expr=(
                f"max by (job, instance, file) ({wait})\n"
                f"/ sum by (job, instance, file) ({wait})\n"
                f">= {thresholds.hot_shard.share:g}\n{busy}"
                'and on (job, instance) immap_kernel_info{shards!~"|0|1"}\n'
            ),
            for_=thresholds.hot_shard.for_,
            severity=TICKET,
            format=Format.PERCENTAGE,
            details=(
                worst_node,
                Worst("Shard", "immap_wait_seconds_total", "shard", window),
                Worst("Changed", "immap_tree_operations_total", "shard", window),
            ),
            summary=(
                "One shard of {{ $labels.file }} on {{ $labels.instance }} has @value@ of its"
                " waiting: shard @Shard@"
            ),
            description=(
                "Its siblings are idle, so that splitting the tree helps little. Most of the"
                " waiting is on node @Node@; the shard with most tree operations is @Changed@."
            ),
        ),
        Alert(
            name="ImmapSweepsDominate",
            expr=(
                "sum by (job, instance, file)"
                f' (rate(immap_sweep_wait_seconds_total{{inode!=""}}[{window}]))\n'
                f"/ ({names.FILE_WAIT} > 0)\n"
                f">= {thresholds.sweeps.share:g}\n{busy}"
            ),
            for_=thresholds.sweeps.for_,
            severity=TICKET,
            format=Format.PERCENTAGE,
            details=(worst_node,),
            summary=(
                "Sweeps over all shards of {{ $labels.file }} on {{ $labels.instance }} have"
                " @value@ of its waiting"
            ),
            description=(
                "A sweep takes every shard's lock in turn (reverse map, truncate, hole punch), so"
                " more shards make it dearer. Most of the waiting is on node @Node@."
            ),
        ),
    )


def _blind(thresholds: Thresholds) -> tuple[Alert, ...]:
    window = thresholds.rate_window
    lost, blind = thresholds.lost_events, thresholds.blind
    by_reason = f"sum by (job, instance, reason) (rate({names.LOST}[{window}]))"
    return (
        Alert(
            name="ImmapEventsLost",
            expr=(
                f"({by_reason} >= {lost.least_per_second:g})\n"
                f"/ on (job, instance) group_left () {names.INSTANCE_EVENTS}\n"
                f">= {lost.share:g}\n"
            ),
            for_=lost.for_,
            severity=TICKET,
            format=Format.PERCENTAGE,
            summary=(
                "immapscope on {{ $labels.instance }} loses @value@ of the events"
                " ({{ $labels.reason }})"
            ),
            description=(
                "What is lost is missing from every other number of this host, and the regression"
                " alerts see less than there is."
            ),
        ),
        Alert(
            name="ImmapAgentDown",
            expr=(f'up{{job="{thresholds.job}"}} == 0\nor absent(up{{job="{thresholds.job}"}})\n'),
            for_=blind.down_for,
            severity=TICKET,
            format=Format.NUMBER,
            summary=(
                "immapscope {{ with $labels.instance }}on {{ . }}{{ else }}anywhere{{ end }} cannot"
                " be scraped"
            ),
            description=(
                "Nothing is known of the i_mmap locks there, and no other alert of immapscope can"
                " fire. Without an instance: Prometheus has no target of that job at all."
            ),
        ),
        Alert(
            name="ImmapProbesGone",
            expr=(
                "immap_probes_attached\n"
                f"< max_over_time(immap_probes_attached[{blind.probes_since}])\n"
                "and on (job, instance)"
                f" time() - process_start_time_seconds >= {seconds(blind.probes_since)}\n"
                "or immap_probes_attached == 0\n"
            ),
            for_=blind.for_,
            severity=TICKET,
            format=Format.NUMBER,
            summary=(
                "immapscope on {{ $labels.instance }} has only @value@ probes attached, fewer than"
                " before"
            ),
            description=(
                "The agent runs, but its probes see less than they did or nothing. Its counters may"
                " stand still without saying so."
            ),
        ),
        Alert(
            name="ImmapSnapshotStale",
            expr=(f"changes(immap_last_snapshot_timestamp_seconds[{blind.stale_after}]) == 0\n"),
            for_=blind.for_,
            severity=TICKET,
            format=Format.NUMBER,
            summary="immapscope on {{ $labels.instance }} takes no snapshots any more",
            description=(
                f"The agent answers, but its numbers have been the same for {blind.stale_after}:"
                " what is scraped is old."
            ),
        ),
    )
