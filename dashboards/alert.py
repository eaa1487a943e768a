# SPDX-License-Identifier: GPL-2.0-or-later
"""An alert as data, so that Prometheus and Grafana get the same ones, and what its text can name.

Both fill `{{ $labels.NAME }}` in. They differ in the value of the expression and in looking up
more: Prometheus runs a query from within the template, Grafana wants it among the rule's queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Format(StrEnum):
    """How a number is shown: the name of a template function that both engines have."""

    DURATION = "humanizeDuration"
    PERCENTAGE = "humanizePercentage"
    NUMBER = "humanize"


class Detail(Protocol):
    """Something that is looked up when the alert fires, for the alert's job, instance and file."""

    @property
    def name(self) -> str:
        """`@NAME@` in the alert's text stands for it."""

    def prometheus(self) -> str:
        """The template that looks it up and prints it."""

    def grafana(self) -> str:
        """The template that prints what the query of this name found."""

    def grafana_query(self) -> str:
        """That query: for every job, instance and file at once."""


@dataclass(frozen=True, slots=True)
class Worst:
    """Which node or shard (`label`) has the most of a counter's increase."""

    name: str
    counter: str
    label: str
    window: str

    def prometheus(self) -> str:
        """See `Detail`."""
        matchers = f"job=%q, instance=%q, file=%q, {_quoted(self._known)}"
        query = (
            f"topk(1, sum by ({self.label}) (rate({self.counter}{{{matchers}}}[{self.window}])))"
        )
        return _looked_up(query, f'label "{self.label}"')

    def grafana(self) -> str:
        """See `Detail`."""
        return f"{{{{ $values.{self.name}.Labels.{self.label} }}}}"

    def grafana_query(self) -> str:
        """See `Detail`."""
        return (
            "topk by (job, instance, file) (1, sum by (job, instance, file,"
            f" {self.label}) (rate({self.counter}{{{self._known}}}[{self.window}])))"
        )

    @property
    def _known(self) -> str:
        # A lock over a whole mapping of several trees has no shard.
        return f'{self.label}!=""'


@dataclass(frozen=True, slots=True)
class Value:
    """The value of a series that has the alert's labels and this matcher besides."""

    name: str
    series: str
    matcher: str
    format: Format

    def prometheus(self) -> str:
        """See `Detail`."""
        query = f"{self.series}{{job=%q, instance=%q, file=%q, {_quoted(self.matcher)}}}"
        return _looked_up(query, f"value | {self.format}")

    def grafana(self) -> str:
        """See `Detail`."""
        value = f"$values.{self.name}"
        return (
            f"{{{{ with {value} }}}}{{{{ .Value | {self.format} }}}}"
            "{{ else }}unknown{{ end }}"
        )

    def grafana_query(self) -> str:
        """See `Detail`."""
        return f"{self.series}{{{self.matcher}}}"


def _looked_up(query: str, shown: str) -> str:
    arguments = "$labels.job $labels.instance $labels.file"
    return (
        f'{{{{ with printf "{query}" {arguments} | query }}}}'
        f"{{{{ . | first | {shown} }}}}{{{{ else }}}}unknown{{{{ end }}}}"
    )


def _quoted(matcher: str) -> str:
    return matcher.replace('"', '\\"')


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. `summary` and `description` are templates.

    In them `@NAME@` stands for the detail of that name, and `@value@` for the expression's value.
    """

    name: str
    expr: str
    for_: str
    severity: str
    summary: str
    description: str
    format: Format
    labels: Mapping[str, str] = field(default_factory=dict)
    details: Sequence[Detail] = ()

    def for_prometheus(self, text: str) -> str:
        """`summary` or `description` as a template of Prometheus."""
        for detail in self.details:
            text = text.replace(f"@{detail.name}@", detail.prometheus())
        return text.replace("@value@", f"{{{{ $value | {self.format} }}}}")

    def for_grafana(self, text: str) -> str:
        """`summary` or `description` as a template of Grafana, whose condition is query A."""
        for detail in self.details:
            text = text.replace(f"@{detail.name}@", detail.grafana())
        return text.replace("@value@", f"{{{{ $values.A.Value | {self.format} }}}}")

    def all_labels(self) -> dict[str, str]:
        """The labels that the rule sets."""
        return {"severity": self.severity, **self.labels}

    def runbook_url(self, base: str) -> str:
        """Where the runbook is, given where docs/runbooks is published."""
        return f"{base.rstrip('/')}/{self.name}.md"
