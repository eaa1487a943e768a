# SPDX-License-Identifier: GPL-2.0-or-later
"""Recording rules: rates for each file of a host, when one is worse than its past, fleet sums.

docs/alerts.md explains the comparison; baseline.py makes the past.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from dashboards import baseline, names
from dashboards.names import COST, OPERATIONS
from dashboards.rulefile import Group, Recording, render
from dashboards.thresholds import Accepted, Thresholds

#: The kernel release of each host. Were there two of one host, a join with both would fail.
RELEASE: Final = "topk by (job, instance) (1, max by (job, instance, release) (immap_kernel_info))"


def text(thresholds: Thresholds) -> str:
    """prometheus/recording.yaml."""
    every = thresholds.evaluation
    return render(
        [
            _group("immapscope-rates", every.rates, rates(thresholds)),
            _group("immapscope-baseline", every.baseline, baseline.rules(thresholds)),
            _group("immapscope-fleet", every.rates, fleet()),
        ]
    )


def _group(name: str, interval: str, rules: Sequence[Recording]) -> Group:
    return Group(name, interval, [rule.document() for rule in rules])


def rates(thresholds: Thresholds) -> list[Recording]:
    """Rates of each file, its wait per tree operation while it is busy, and whether that is worse.

    What the exporter sums under file="other" has no inode and is left out: its members change.
    """
    limits = thresholds.regression
    wait, operations = names.FILE_WAIT, names.FILE_OPERATIONS
    return [
        Recording(wait, _rate("immap_wait_seconds_total", "file", thresholds)),
        Recording(operations, _rate("immap_tree_operations_total", "file", thresholds)),
        Recording(
            names.FILE_SHARD_WAIT, _rate("immap_wait_seconds_total", "file, shard", thresholds)
        ),
        # A file that nobody waited for has no series of waiting: that is 0, not unknown. Waiting
        # counts as busy too, since a lock that got bad enough brings the rate of operations down.
        Recording(
            names.FILE_COST,
            f"({wait} or 0 * {operations})\n"
            f"/ ({operations} > 0)\n"
            f"and on (job, instance, file) ({operations} >= {limits.least_operations_per_second:g}"
            f" or {wait} >= {limits.least_wait_seconds_per_second:g})\n",
        ),
        *(_accepted(entry) for entry in thresholds.accepted),
        Recording(
            names.FILE_ERA,
            "group by (job, instance, file, release, accepted) (\n"
            "  (\n"
            f"    {operations}\n"
            "    * on (job, instance, file) group_left (accepted)\n"
            f"    topk by (job, instance, file) (1, {names.FILE_ACCEPTED})\n"
            "    or\n"
            f"    {operations}\n"
            f"    unless on (job, instance, file) {names.FILE_ACCEPTED}\n"
            "  )\n"
            f"  * on (job, instance) group_left (release) {RELEASE}\n"
            ")\n",
        ),
        *baseline.current(thresholds),
        *worse(thresholds),
        Recording(names.INSTANCE_EVENTS, _events(thresholds.rate_window)),
    ]


def _rate(counter: str, by: str, thresholds: Thresholds) -> str:
    # A lock over a whole mapping of several trees has no shard.
    known = 'inode!="", shard!=""' if "shard" in by else 'inode!=""'
    window = thresholds.rate_window
    return f"sum by (job, instance, {by}) (rate({counter}{{{known}}}[{window}]))"


def _events(window: str) -> str:
    # Every reason of loss has a series from the start; the others come with their first event.
    # Acquisitions, which only full mode counts, include the contended ones.
    def of(metric: str) -> str:
        return f"sum by (job, instance) (rate({metric}[{window}]))"

    lost = of(names.LOST)
    return (
        f"{lost}\n"
        f"+ ({of('immap_acquisitions_total')} or {of('immap_contended_total')} or 0 * {lost})\n"
        f"+ ({of('immap_tree_operations_total')} or 0 * {lost})\n"
    )


def _accepted(entry: Accepted) -> Recording:
    matchers = ", ".join(
        f"{label}=~{json.dumps(pattern)}"
        for label, pattern in (
            ("job", entry.job),
            ("instance", entry.instance),
            ("file", entry.file),
        )
    )
    return Recording(
        names.FILE_ACCEPTED,
        f"{entry.epoch} * group by (job, instance, file) ({names.FILE_OPERATIONS}{{{matchers}}})\n"
        f"and on () (vector(time()) >= {entry.epoch})\n",
        {"accepted": entry.label},
    )


def worse(thresholds: Thresholds) -> list[Recording]:
    """The condition of the two regression alerts, recorded so that the baseline can leave it out.

    Each is compared with each baseline by itself: the wait with the wait of that time, the rate
    with the rate of that time.
    """
    limits = thresholds.regression
    same = "on (job, instance, file)"
    busy = f"and {same} ({names.FILE_WAIT} >= {limits.least_wait_seconds_per_second:g})\n"
    above = f"  {COST.baseline} * {limits.worse:g} < {same} group_left () {names.FILE_COST}\n"
    equal_load = (
        f"  {OPERATIONS.baseline} * {limits.equal_load:g}"
        f" >= {same} group_left () {names.FILE_OPERATIONS}\n"
    )
    return [
        Recording(
            names.FILE_WORSE_COST,
            f"{names.FILE_COST}\n{busy}and {same} (\n{above}"
            f"  and on (job, instance, file, against, previous)\n{equal_load})\n",
        ),
        Recording(
            names.FILE_WORSE_LOAD,
            f"{names.FILE_COST}\n{busy}and {same} (\n{above})\n"
            f"unless {same} {names.FILE_WORSE_COST}\n",
        ),
    ]


def fleet() -> list[Recording]:
    """Sums over hosts: what a central Prometheus keeps when the hosts' own series stay behind."""
    wait, operations = names.FILE_WAIT, names.FILE_OPERATIONS
    with_release = f"* on (job, instance) group_left (release) {RELEASE}"
    return [
        Recording(names.FLEET_WAIT, f"sum by (job, file) ({wait})"),
        Recording(names.FLEET_OPERATIONS, f"sum by (job, file) ({operations})"),
        Recording(
            names.FLEET_COST,
            f"{names.FLEET_WAIT} / ({names.FLEET_OPERATIONS} > 0)",
        ),
        Recording(
            names.FLEET_RELEASE_COST,
            f"sum by (job, release, file) ({wait} {with_release})\n"
            f"/ (sum by (job, release, file) ({operations} {with_release}) > 0)\n",
        ),
        Recording(names.FLEET_HOSTS, f"count by (job, release) ({RELEASE})"),
    ]
