# SPDX-License-Identifier: GPL-2.0-or-later
"""The dashboards' JSON is what Grafana's published schema allows, as grafana-foundation-sdk has it.

Reading drops what the schema does not know, so all that was read must be written back; and each
value has the type that the schema gives its field.
"""

from __future__ import annotations

import enum
import json
import typing
from types import UnionType
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import alerting
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.alerts import alerts
from dashboards.provisioning import rule
from dashboards.thresholds import load
from tests.dashboards.boards import NAMES, board

register_default_plugins()


def wrong(value: object, hint: object, where: str) -> list[str]:
    """Where a value read by the SDK has not the type that its field is declared with."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in (object, typing.Any):
        return wrong_fields(value, where) if hasattr(value, "to_json") else []
    if origin in (typing.Union, UnionType):
        classes = {one: typing.get_origin(one) or one for one in arguments}
        own = [
            one
            for one, its_class in classes.items()
            if isinstance(its_class, type) and isinstance(value, its_class)
        ]
        return min((wrong(value, one, where) for one in own or arguments), key=len)
    if origin is typing.Literal:
        return [] if value in arguments else [f"{where}: {value!r} is none of {arguments}"]
    if origin is list:
        if not isinstance(value, list):
            return [f"{where}: {value!r} is no list"]
        return [
            error
            for index, one in enumerate(value)
            for error in wrong(one, arguments[0], f"{where}[{index}]")
        ]
    if origin is dict:
        if not isinstance(value, dict):
            return [f"{where}: {value!r} is no mapping"]
        return [
            error
            for key, one in value.items()
            for error in wrong(one, arguments[1], f"{where}.{key}")
        ]
    return wrong_class(value, hint, where)


def wrong_class(value: object, hint: Any, where: str) -> list[str]:
    """The same for what is no container."""
    if isinstance(value, dict) and hasattr(hint, "from_json"):
        # The SDK leaves some parts unread.
        read = hint.from_json(value)
        return unknown(value, written(read), where) + wrong_fields(read, where)
    if hint is type(None):
        return [] if value is None else [f"{where}: {value!r} is not null"]
    if hint is float:
        fine = isinstance(value, int | float) and not isinstance(value, bool)
    elif hint is int:
        fine = isinstance(value, int) and not isinstance(value, bool)
    elif isinstance(hint, type) and issubclass(hint, enum.Enum):
        fine = value in {one.value for one in hint}
    else:
        fine = isinstance(value, hint)
    if not fine:
        return [f"{where}: {value!r} is no {hint}"]
    return wrong_fields(value, where) if hasattr(value, "to_json") else []


def wrong_fields(value: object, where: str) -> list[str]:
    """The same for every field of an object of the SDK."""
    hints = typing.get_type_hints(type(value))
    return [
        error
        for name, hint in hints.items()
        for error in wrong(getattr(value, name), hint, f"{where}.{name}")
    ]


def unknown(given: object, back: object, where: str) -> list[str]:
    """Where what was given did not come back from the SDK; what it adds by default is fine."""
    if isinstance(given, dict) and isinstance(back, dict):
        return [
            error
            for key, one in given.items()
            for error in unknown(one, back.get(key), f"{where}.{key}")
        ]
    if isinstance(given, list) and isinstance(back, list) and len(given) == len(back):
        pairs = enumerate(zip(given, back, strict=True))
        return [error for i, (a, b) in pairs for error in unknown(a, b, f"{where}[{i}]")]
    return [] if given == back else [f"{where}: {given!r} is not known"]


def written(value: object) -> Any:
    """What the SDK writes for an object."""
    return json.loads(json.dumps(value, cls=JSONEncoder))


@pytest.mark.parametrize("name", NAMES)
def test_a_dashboard_has_no_field_that_the_schema_lacks(name: str) -> None:
    assert unknown(board(name), written(Dashboard.from_json(board(name))), name) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_field_of_a_dashboard_has_the_type_of_the_schema(name: str) -> None:
    assert wrong_fields(Dashboard.from_json(board(name)), name) == []


def test_a_wrong_type_and_an_unknown_field_are_seen() -> None:
    broken = board("overview")
    (first, *_) = [panel for panel in broken["panels"] if panel["type"] == "stat"]
    first["gridPos"]["w"] = "wide"
    first["options"]["reduceOptions"]["calcs"] = "mean"
    first["colour"] = "red"
    read = Dashboard.from_json(broken)
    assert wrong_fields(read, "overview") == [
        "overview.panels[1].grid_pos.w: 'wide' is no <class 'int'>",
        "overview.panels[1].options.reduce_options.calcs: 'mean' is no list",
    ]
    assert unknown(broken, written(read), "overview") == [
        "overview.panels[1].colour: 'red' is not known"
    ]


@pytest.mark.parametrize("alert", alerts(load()), ids=lambda alert: alert.name)
def test_a_grafana_managed_alert_has_the_fields_and_types_of_the_schema(alert: Any) -> None:
    provisioned = rule(alert, load())
    # In a provisioning file the group says these for all of its rules.
    whole = {**provisioned, "folderUID": "f", "ruleGroup": "g", "orgID": 1}
    read = alerting.Rule.from_json(json.loads(json.dumps(whole)))
    assert unknown(whole, written(read), alert.name) == []
    assert wrong_fields(read, alert.name) == []
