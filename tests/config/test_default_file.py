# SPDX-License-Identifier: GPL-2.0-or-later
"""config.yaml is the whole configuration, with its defaults, commented."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import yaml

from immapscope.config import Config, load
from immapscope.config.document import Place
from immapscope.config.sections import fields
from immapscope.tracing.sizes import Sizes

CONFIG_YAML: Final = Path(__file__).parents[2] / "config.yaml"


def key_nodes(node: yaml.Node, place: Place = ()) -> dict[Place, yaml.Node]:
    found: dict[Place, yaml.Node] = {}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*place, key.value)
            found |= {here: key, **key_nodes(value, here)}
    return found


def in_the_file() -> dict[Place, yaml.Node]:
    root = yaml.compose(CONFIG_YAML.read_text(), Loader=yaml.BaseLoader)
    assert root is not None
    return key_nodes(root)


def test_it_says_what_is_so_anyway() -> None:
    assert load(CONFIG_YAML) == Config()


def test_every_key_is_in_it_in_the_models_order() -> None:
    leaves = [place for place, _ in fields(Config)]
    assert [place for place in in_the_file() if place in leaves] == leaves


def test_every_key_has_a_comment_above_it() -> None:
    lines = CONFIG_YAML.read_text().splitlines()
    for place, key in in_the_file().items():
        mark = key.start_mark
        assert mark is not None
        assert lines[mark.line - 1].startswith(" " * mark.column + "# "), place


def test_every_bound_is_told() -> None:
    text = CONFIG_YAML.read_text()
    for place, field in fields(Config):
        for limit in field.metadata:
            bound = getattr(limit, "ge", None) or getattr(limit, "le", None)
            if bound is not None and place != ("interval",):
                assert str(bound) in text, place


def test_it_fits_a_terminal() -> None:
    assert max(map(len, CONFIG_YAML.read_text().splitlines())) <= 100


def test_the_kernel_side_has_the_room_for_tasks_and_locks_that_trace_has() -> None:
    kernel, sizes = Config().kernel, Sizes(cpus=1, nodes=1)
    assert (kernel.waiting, kernel.held) == (sizes.waiting, sizes.held)
