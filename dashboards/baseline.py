# SPDX-License-Identifier: GPL-2.0-or-later
"""Recording rules that turn a file's own past into the baselines it is compared with.

Two pasts, each for the wait per tree operation and for the rate of tree operations: the median of
the last days, and the median of the last days under the kernel release before the present one.
"""

from __future__ import annotations

from dashboards import names
from dashboards.names import COST, OPERATIONS, Past
from dashboards.rulefile import Recording
from dashboards.thresholds import Thresholds

_FILE = "(job, instance, file)"
_ERA = "(job, instance, file, accepted)"


def rules(thresholds: Thresholds) -> list[Recording]:
    """The group that is evaluated rarely: it reads days of samples."""
    return [
        Recording(
            names.RELEASE_SEEN,
            "time() * group by (job, instance, release) (immap_kernel_info)",
        ),
        *_past(COST, names.FILE_COST, thresholds),
        *_past(
            OPERATIONS,
            f"({names.FILE_OPERATIONS} and on {_FILE} {names.FILE_COST})",
            thresholds,
        ),
    ]


def current(thresholds: Thresholds) -> list[Recording]:
    """The baselines that hold now. Evaluated often, so that what was accepted counts at once."""
    return [Recording(past.baseline, _baseline(past, thresholds)) for past in (COST, OPERATIONS)]


def _past(past: Past, quantity: str, thresholds: Thresholds) -> list[Recording]:
    calm = f"{quantity}\nunless on {_FILE} ({names.FILE_WORSE_COST} or {names.FILE_WORSE_LOAD})\n"
    return [
        Recording(
            past.calm,
            f"(\n{calm})\n* on {_FILE} group_left (accepted) {names.FILE_ERA}\n",
        ),
        Recording(
            past.release_calm,
            f"(\n{calm})\n* on {_FILE} group_left (accepted, release) {names.FILE_ERA}\n",
        ),
        Recording(
            past.release_median,
            f"{_median(past.release_calm, thresholds)}"
            f"and on (job, instance, file, accepted, release) {names.FILE_ERA}\n",
        ),
        Recording(past.recent, _recent(past, thresholds)),
        Recording(past.previous_release, _previous_release(past, thresholds)),
    ]


def _median(series: str, thresholds: Thresholds) -> str:
    window = thresholds.regression.baseline
    return (
        f"quantile_over_time(0.5, {series}[{window}])\n"
        f"and count_over_time({series}[{window}]) >= {thresholds.baseline_samples}\n"
    )


def _recent(past: Past, thresholds: Thresholds) -> str:
    # While the condition holds no calm samples come in, and the good ones leave the window at its
    # other end: a regression that nobody sees to for a week would else become its own baseline.
    # Nor must one that nobody sees to and that rests at night, when the condition does not hold: a
    # file that is there keeps the last baseline that it had.
    held = thresholds.baseline_lookback
    return (
        "(\n"
        f"last_over_time({past.recent}[{held}])\n"
        f"and on {_FILE} ({names.FILE_WORSE_COST} or {names.FILE_WORSE_LOAD})\n"
        "or\n"
        f"{_median(past.calm, thresholds)}"
        "or\n"
        f"last_over_time({past.recent}[{thresholds.regression.baseline}])\n"
        ")\n"
        f"and on {_ERA} {names.FILE_ERA}\n"
    )


def _previous_release(past: Past, thresholds: Thresholds) -> str:
    # What was recorded last under the release that was seen last before this one. When that has
    # become older than the gap, the rule's own last value stands, as long as the release stays.
    gap = thresholds.regression.reboot_gap
    release = "(job, instance, release)"
    now = f"max by {release} (immap_kernel_info)"
    return (
        "label_replace(\n"
        f"  last_over_time({past.release_median}[{gap}])\n"
        f"  and on {release}\n"
        "  topk by (job, instance) (\n"
        "    1,\n"
        f"    max_over_time({names.RELEASE_SEEN}[{gap}]) unless on {release} {now}\n"
        "  ),\n"
        '  "previous", "$1", "release", "(.*)"\n'
        ")\n"
        f"* on (job, instance) group_left (release) topk by (job, instance) (1, {now})\n"
        f"or on {_FILE}\n"
        f"last_over_time({past.previous_release}[{gap}]) and on {release} {now}\n"
    )


def _baseline(past: Past, thresholds: Thresholds) -> str:
    # A little more than an evaluation of the other group: the default lookback may be less.
    held = thresholds.baseline_lookback
    sum_ = "max by (job, instance, file, previous, against)"
    return (
        f"{sum_} (\n"
        f'  label_replace(last_over_time({past.recent}[{held}]), "against", "recent", "", "")\n'
        f"  and on {_ERA} {names.FILE_ERA}\n"
        ")\n"
        "or\n"
        f"{sum_} (\n"
        "  label_replace(\n"
        f"    last_over_time({past.previous_release}[{held}]),\n"
        '    "against", "previous_release", "", ""\n'
        "  )\n"
        f"  and on (job, instance, file, accepted, release) {names.FILE_ERA}\n"
        ")\n"
    )
