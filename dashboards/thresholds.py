# SPDX-License-Identifier: GPL-2.0-or-later
"""The thresholds and windows of the alerts, read from thresholds.yaml and from files over it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
)

DEFAULTS: Final = Path(__file__).with_name("thresholds.yaml")

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION: Final = re.compile(r"([0-9]+)([smhdw])")


class ThresholdsError(Exception):
    """A thresholds file that cannot be used: which, where in it, and what is wrong."""


def seconds(duration: str) -> int:
    """What `5m` or `1h30m` of PromQL comes to. Raises ValueError for anything else, also for 0."""
    parts = _DURATION.findall(duration)
    total = sum(int(count) * _SECONDS[unit] for count, unit in parts)
    if not total or "".join(count + unit for count, unit in parts) != duration:
        raise ValueError(f"{duration!r} is no duration such as 90s, 5m or 7d")
    return total


def _checked(duration: str) -> str:
    seconds(duration)
    return duration


def _regular_expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from None
    return text


Duration = Annotated[str, AfterValidator(_checked)]
Matcher = Annotated[str, AfterValidator(_regular_expression)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Evaluation(_Strict):
    """How often the rules are evaluated."""

    rates: Duration
    baseline: Duration


class Regression(_Strict):
    """When wait per tree operation is worse than its own past, and what that past is."""

    worse: Annotated[float, Field(gt=1)]
    for_: Duration = Field(alias="for")
    equal_load: Annotated[float, Field(ge=1)]
    least_operations_per_second: Positive
    least_wait_seconds_per_second: Positive
    baseline: Duration
    baseline_from_at_least: Duration
    reboot_gap: Duration


class ShareFor(_Strict):
    """A share of the waiting, held for some time."""

    share: Share
    for_: Duration = Field(alias="for")


class LostEvents(ShareFor):
    """A share of the events, and a rate, held for some time."""

    least_per_second: Positive


class Blind(_Strict):
    """After how long an agent counts as down, stale, or without probes."""

    down_for: Duration
    stale_after: Duration
    probes_since: Duration
    for_: Duration = Field(alias="for")


class Accepted(_Strict):
    """A new normal: what matches has no past before `since`."""

    since: AwareDatetime
    job: Matcher = ".+"
    instance: Matcher = ".+"
    file: Matcher = ".+"

    @property
    def label(self) -> str:
        """`since` in UTC to the second, which tells one baseline from the one before it."""
        return self.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def epoch(self) -> int:
        """`since` in whole seconds since 1970."""
        return int(self.since.timestamp())


class Grafana(_Strict):
    """Where Grafana-managed alerts find their data and are filed."""

    datasource_uid: str
    folder: str


class Thresholds(_Strict):
    """All of thresholds.yaml."""

    runbook_base: str
    job: str
    evaluation: Evaluation
    rate_window: Duration
    regression: Regression
    hot_shard: ShareFor
    sweeps: ShareFor
    lost_events: LostEvents
    blind: Blind
    accepted: tuple[Accepted, ...]
    grafana: Grafana

    @property
    def baseline_lookback(self) -> str:
        """How old the last value of a rarely evaluated rule may be: three evaluations."""
        return f"{3 * seconds(self.evaluation.baseline)}s"

    @property
    def baseline_samples(self) -> int:
        """How many samples of a busy file make a baseline."""
        least = seconds(self.regression.baseline_from_at_least)
        return max(1, least // seconds(self.evaluation.baseline))


def load(over: Sequence[Path] = ()) -> Thresholds:
    """The shipped thresholds, each file of `over` replacing the keys that it names.

    Raises ThresholdsError for a file that cannot be read, is no YAML mapping, or has an unknown key
    or a value that makes no sense.
    """
    values: dict[str, object] = {}
    for path in (DEFAULTS, *over):
        values = _merged(values, _read(path))
    try:
        return Thresholds.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        files = ", ".join(str(path) for path in over) or str(DEFAULTS)
        raise ThresholdsError(f"{files}: {where}: {first['msg']}") from None


def _read(path: Path) -> Mapping[str, object]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ThresholdsError(f"{path}: {error}") from None
    if not isinstance(content, dict):
        raise ThresholdsError(f"{path}: holds no mapping of keys to values")
    return content


def _merged(under: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(below, dict) and isinstance(value, dict)
        merged[key] = _merged(below, value) if both else value  # type: ignore[arg-type]
    return merged
