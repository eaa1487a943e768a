# SPDX-License-Identifier: GPL-2.0-or-later
"""Asking a Prometheus over HTTP what a panel asks it through Grafana."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


def filled_in(expr: str, choices: Mapping[str, str], rate_interval: str, time_range: str) -> str:
    """A panel's expression as Grafana sends it; a variable without a choice matches everything."""
    known = {"__rate_interval": rate_interval, "__range": time_range, **choices}
    return re.sub(r"\$(\w+)", lambda name: known.get(name[1], ".*"), expr)


class QueryError(Exception):
    """An expression that Prometheus refuses, with what it says."""


@dataclass(frozen=True, slots=True)
class Series:
    """Labels (the name is `__name__`) and values by time in seconds since 1970."""

    labels: Mapping[str, str]
    values: Sequence[tuple[float, float]]

    @property
    def last(self) -> float:
        """The newest value."""
        return self.values[-1][1]


class Prometheus:
    """The API of a Prometheus at HOST:PORT."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._base = f"http://{address}/api/v1"

    def instant(self, expr: str, at: float | None = None) -> list[Series]:
        """What an expression gives at that time, or now. Raises QueryError."""
        when = {} if at is None else {"time": str(at)}
        return _series(self._get("query", {"query": expr, **when}))

    def range(self, expr: str, start: float, end: float, step: float) -> list[Series]:
        """What it gives from `start` to `end`, every `step` seconds. Raises QueryError."""
        times = {"start": str(start), "end": str(end), "step": str(step)}
        return _series(self._get("query_range", {"query": expr, **times}))

    def label_values(self, selector: str, label: str) -> set[str]:
        """The values of a label among the series that match, at any time."""
        found = self._get("series", {"match[]": selector})
        assert isinstance(found, list)
        return {one[label] for one in found if label in one}

    def rules(self) -> list[dict[str, object]]:
        """Every rule that is loaded, as Prometheus describes it."""
        found = self._get("rules", {})
        assert isinstance(found, dict)
        return [rule for group in found["groups"] for rule in group["rules"]]

    def _get(self, what: str, arguments: Mapping[str, str]) -> object:
        url = f"{self._base}/{what}?{urllib.parse.urlencode(arguments)}"
        try:
            with urllib.request.urlopen(url, timeout=60) as reply:
                return json.load(reply)["data"]
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")
            raise QueryError(f"{arguments.get('query', what)}: {said}") from None


def _series(data: object) -> list[Series]:
    assert isinstance(data, dict)
    kind, result = data["resultType"], data["result"]
    if kind == "scalar":
        result = [{"metric": {}, "value": result}]
    return [
        Series(
            one["metric"],
            [(float(at), float(value)) for at, value in one.get("values") or [one["value"]]],
        )
        for one in result
    ]
