# SPDX-License-Identifier: GPL-2.0-or-later
"""A YAML file as plain values, with the line of each.

A smaller YAML than PyYAML's own: what stands without quotes is `null`, `true`, `false`, a decimal
whole number or text, so that neither `yes`, `0755`, `1:30` nor `254:0:12` becomes something else.
Keys are unique; aliases, tags and deep nesting are refused.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from immapscope.config.errors import ConfigError, Problem, quoted
from immapscope.outputs.printable import printable

#: Bytes; a configuration has a few thousand, and PyYAML takes a second for this many.
LARGEST_FILE: Final = 100_000
_DEEPEST: Final = 20

Place = tuple[str | int, ...]

_WHOLE_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_WORDS: Final = {"": None, "null": None, "~": None, "true": True, "false": False}
_PLAIN_TAGS: Final = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str"))
_SURROGATE = re.compile("[\ud800-\udfff]")
_WAYS_OUT: Final = (
    ("'\\t'", "; indent with blanks, not tabs"),
    ("block end", "; is a line indented further or less than its neighbours?"),
    ("mapping values", "; a value that contains ': ' goes in quotes"),
    ("stream end", "; the file ends within a [ or a {, or within quotes"),
    ("another document", "; one file is one document"),
)


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says: `None`, bools, ints, text, tuples and dicts of these.

    `lines` has the line of each key and each item of a list, by the path to it; `problems` what
    was wrong without spoiling the rest: keys given twice.
    """

    path: Path
    values: dict[str, Any]
    lines: dict[Place, int]
    problems: tuple[Problem, ...]

    def line_of(self, place: Place) -> int:
        """The line of what is at `place`, or of the nearest thing around it; 0 for the file."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 0)


def read(path: Path) -> Document:
    """The document in this file; an empty file has no keys.

    Raises ConfigError where the file cannot be read, is too large, is not UTF-8 or not YAML.
    """
    text = _text(path)
    lines = _Lines(text)
    try:
        root = _Loader(text).get_single_node()
    except yaml.reader.ReaderError as error:
        line = lines.at(error.position)
        what = f"character U+{ord(text[error.position]):04X} has no place in YAML"
        raise ConfigError(path, [Problem(line, what)]) from error
    except yaml.MarkedYAMLError as error:
        index = error.problem_mark.index if error.problem_mark else 0
        raise ConfigError(path, [Problem(lines.at(index), _not_yaml(error))]) from error
    if root is None:
        return Document(path, {}, {}, ())
    reading = _Reading(lines)
    values = reading.value(root, ())
    if values is None:
        values = {}
    if not isinstance(values, dict):
        what = "this is not keys with values, such as 'mode: contention'"
        raise ConfigError(path, [Problem(lines.of(root), what)])
    return Document(path, values, reading.lines, tuple(reading.problems))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no file has a NUL byte in its name"
        raise ConfigError(path, [Problem(0, f"cannot be read: {why}")]) from error
    if len(content) > LARGEST_FILE:
        raise ConfigError(path, [Problem(0, f"is larger than {LARGEST_FILE:,} bytes")])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        what = f"byte 0x{error.object[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise ConfigError(path, [Problem(line, what)]) from error


class _Lines:
    """Numbers lines as editors do: PyYAML also counts other characters that end lines."""

    def __init__(self, text: str) -> None:
        self._ends = [index for index, character in enumerate(text) if character == "\n"]

    def at(self, index: int) -> int:
        """The line of the character at `index`."""
        return bisect_left(self._ends, index) + 1

    def of(self, node: yaml.Node) -> int:
        """The line on which `node` begins."""
        return self.at(node.start_mark.index)


def _not_yaml(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or error.context or "not YAML"
    way_out = next((way for sign, way in _WAYS_OUT if sign in problem), "")
    return (problem if problem.isprintable() else printable(problem)) + way_out


class _Loader(yaml.BaseLoader):
    """Makes nodes; refuses what could grow or nest without end."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise self._refused("an alias (*name) is not taken; write the value out")
        if self._depth == _DEEPEST:
            raise self._refused(f"nested more than {_DEEPEST} deep")
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def _refused(self, why: str) -> yaml.composer.ComposerError:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        mark = event.start_mark
        assert isinstance(mark, yaml.Mark)
        return yaml.composer.ComposerError(None, None, why, mark)


@dataclass(slots=True)
class _Reading:
    """Turns nodes into values and notes what it meets."""

    numbers: _Lines
    lines: dict[Place, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def value(self, node: yaml.Node, place: Place) -> Any:
        line = self.numbers.of(node)
        if node.tag not in _PLAIN_TAGS:
            self.problems.append(Problem(line, f"a tag ({quoted(node.tag)}) is not taken"))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return self._sequence(node, place)
        assert isinstance(node, yaml.ScalarNode)
        words = self._words(node, line)
        return words if node.style else _plain(words)

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = self.numbers.of(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.append(Problem(line, "a key is a word, not a list or a mapping"))
                continue
            key = self._words(key_node, line)
            here = (*place, key)
            if key in values:
                what = f"{quoted(key)} is given twice, first on line {self.lines[here]}"
                self.problems.append(Problem(line, what))
                continue
            self.lines[here] = line
            values[key] = self.value(value_node, here)
        return values

    def _sequence(self, node: yaml.SequenceNode, place: Place) -> tuple[Any, ...]:
        items = []
        for number, item in enumerate(node.value):
            here = (*place, number)
            self.lines[here] = self.numbers.of(item)
            items.append(self.value(item, here))
        return tuple(items)

    def _words(self, node: yaml.ScalarNode, line: int) -> str:
        words: str = node.value
        if not _SURROGATE.search(words):
            return words
        self.problems.append(Problem(line, f"{quoted(words)} has an escape of half a character"))
        return _SURROGATE.sub("?", words)


def _plain(words: str) -> bool | int | str | None:
    """What stands there without quotes."""
    if words in _WORDS:
        return _WORDS[words]
    return int(words) if _WHOLE_NUMBER.fullmatch(words) else words
