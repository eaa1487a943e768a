# SPDX-License-Identifier: GPL-2.0-or-later
"""Durations on the command line: a number with a unit, as `10s`, `500ms`, `2m`, `1h`."""

from __future__ import annotations

import re

import click

_DURATION = re.compile(r"(?P<number>\d+(\.\d+)?)(?P<unit>ms|s|m|h)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
#: A year: more is a slip of the finger.
_LONGEST = 366 * 24 * 3600.0


class Duration(click.ParamType):
    """Seconds as a float; a bare number is seconds; zero is refused."""

    name = "duration"

    def convert(
        self, value: str | float, param: click.Parameter | None, context: click.Context | None
    ) -> float:
        """Raises click.BadParameter."""
        if isinstance(value, float):
            return value
        match = _DURATION.fullmatch(value)
        if match is None:
            self.fail(f"{value!r} is no duration; write 10s, 500ms, 2m or 1h", param, context)
        seconds = float(match["number"]) * _SECONDS[match["unit"] or "s"]
        if not 0 < seconds <= _LONGEST:
            self.fail(f"{value!r} is not between 1ms and a year", param, context)
        return seconds
