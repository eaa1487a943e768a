# SPDX-License-Identifier: GPL-2.0-or-later
"""A document made into a model, and what pydantic finds in it told in words and lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from immapscope.config.document import Document, Place
from immapscope.config.errors import ConfigError, Problem, quoted
from immapscope.config.sections import Section, dotted, fields, names, section_of

S = TypeVar("S", bound=Section)

#: Characters of a key that are compared with the known ones.
_COMPARED: Final = 100

_A_MAPPING = "must be keys with values, each on a line of its own, indented below it"


def validated(model: type[S], document: Document, context: Mapping[str, Any] | None = None) -> S:
    """The document as `model`. Raises ConfigError with everything that is wrong in it."""
    problems = list(document.problems)
    try:
        made = model.model_validate(document.values, context=context)
    except ValidationError as error:
        details = error.errors(include_url=False)
        problems += [_problem(model, document, detail) for detail in details]
        raise ConfigError(document.path, problems) from None
    if problems:
        raise ConfigError(document.path, problems)
    return made


def _problem(model: type[Section], document: Document, detail: ErrorDetails) -> Problem:
    place = _place(detail["loc"])
    line = document.line_of(place)
    if detail["type"] == "extra_forbidden":
        return Problem(line, _unknown_key(model, place))
    where = f"{dotted(place)}: " if place else ""
    return Problem(line, where + _finding(detail))


def _place(loc: Sequence[int | str]) -> Place:
    """pydantic names, as if they were keys, the member of a union and that it is about a key."""
    return tuple(part for part in loc if part != "[key]" and not _is_of_union(part))


def _is_of_union(part: int | str) -> bool:
    return str(part).startswith("function-")


def _finding(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    value = detail["input"]
    match detail["type"]:
        case "value_error":
            return str(context["error"])
        case "enum" | "literal_error":
            return f"{_shown(value)} is not {context['expected']}"
        case "bool_type":
            return f"{_shown(value)} is not true or false"
        case "int_type":
            return f"{_shown(value)} is no whole number"
        case "string_type":
            return f"{_shown(value)} is no text; put it in quotes"
        case "greater_than_equal":
            return f"{value} is too little; at least {_limit(context['ge'], value)} is allowed"
        case "less_than_equal":
            return f"{value} is too much; at most {_limit(context['le'], value)} is allowed"
        case "tuple_type":
            return "must be a list, each item on a line of its own after a '- '"
        case "model_type" | "dict_type":
            return _A_MAPPING
        case _:
            return detail["msg"]


def _limit(limit: int, value: object) -> str:
    """In the unit of what is written there: what is no number is a duration."""
    return str(limit) if isinstance(value, int) else f"{limit}s"


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "what is indented below it"
    return "a list" if isinstance(value, tuple) else quoted(value)


def _unknown_key(model: type[Section], place: Place) -> str:
    *outer, key = map(str, place)
    section = model
    for name in outer:
        inner = section_of(names(section)[name])
        assert inner is not None
        section = inner
    where = f" in {'.'.join(outer)}" if outer else ""
    unknown = f"unknown key {quoted(key)}{where}"
    near = get_close_matches(key[:_COMPARED], names(section), n=1)
    if not near:
        places = {dotted(known): str(known[-1]) for known, _ in fields(model)}
        close = get_close_matches(key[:_COMPARED], places.values(), n=1)
        near = [name for name, last in places.items() if last in close]
    if near:
        return f"{unknown}; did you mean {quoted(near[0])}?"
    return f"{unknown}; the keys there are {', '.join(names(section))}"
