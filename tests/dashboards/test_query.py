# SPDX-License-Identifier: GPL-2.0-or-later
"""A panel's expression is sent as Grafana would."""

from __future__ import annotations

from dashboards.query import filled_in


def test_variables_and_ranges_are_filled_in() -> None:
    expr = 'rate(x{job=~"$job"}[$__rate_interval]) + y{job=~"$job"}[$__range:1m]'
    assert filled_in(expr, {"job": "a|b"}, "4m", "1h") == (
        'rate(x{job=~"a|b"}[4m]) + y{job=~"a|b"}[1h:1m]'
    )


def test_a_variable_without_a_choice_matches_everything() -> None:
    assert filled_in('x{file=~"$file"}', {}, "4m", "1h") == 'x{file=~".*"}'
