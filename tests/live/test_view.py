# SPDX-License-Identifier: GPL-2.0-or-later
"""Each key changes what is shown as the help says."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immapscope.grouping import Key, SortKey
from immapscope.live.keys import BACKSPACE, CLEAR, ENTER, ESCAPE
from immapscope.live.view import HELP, View, first_view, sorts_of
from immapscope.snapshot import Mode

FIRST = first_view(Mode.CONTENTION, None, SortKey.WAIT)


def after(*keys: str, view: View = FIRST) -> View:
    return reduce(View.after, keys, view)


def test_it_begins_with_what_trace_shows() -> None:
    assert FIRST.keys == (Key.INODE, Key.NODE, Key.OPERATION)
    assert FIRST.sort is SortKey.WAIT
    assert View(Mode.CONTENTION, FIRST.groupings, SortKey.WAIT) == FIRST


@pytest.mark.parametrize("mode", Mode)
def test_s_goes_through_every_column_and_back(mode: Mode) -> None:
    view, seen = first_view(mode, None, SortKey.WAIT), []
    for _ in sorts_of(mode):
        seen.append(view.sort)
        view = view.after("s")
    assert view.sort is SortKey.WAIT
    assert tuple(seen) == sorts_of(mode)
    assert after("s", "s", "S", view=view) == after("s", view=view)


def test_what_contention_mode_does_not_measure_is_not_sorted_by() -> None:
    missing = set(sorts_of(Mode.FULL)) - set(sorts_of(Mode.CONTENTION))
    assert missing == {SortKey.ACQUISITIONS, SortKey.HOLD}


def test_a_sort_without_a_column_leads_to_those_with_one() -> None:
    view = first_view(Mode.CONTENTION, None, SortKey.INTERRUPTED)
    assert view.after("s").sort is SortKey.WAIT


def test_g_goes_through_groupings_from_what_was_asked_for() -> None:
    asked = first_view(Mode.FULL, (Key.CAUSE,), SortKey.WAIT)
    assert asked.keys == (Key.CAUSE,)
    seen = {after(*"g" * times, view=asked).keys for times in range(len(asked.groupings))}
    assert len(seen) == len(asked.groupings)
    assert FIRST.keys in seen
    assert after(*"g" * len(asked.groupings), view=asked) == asked
    assert after("G", "g", view=asked) == asked


def test_a_known_grouping_is_gone_through_once() -> None:
    assert len(first_view(Mode.FULL, (Key.INODE,), SortKey.WAIT).groupings) == len(FIRST.groupings)


def test_a_filter_works_while_it_is_typed() -> None:
    assert [after("/", *"libc"[:count]).wanted for count in range(5)] == [
        "", "l", "li", "lib", "libc",
    ]  # fmt: skip
    assert after("/", *"libc", ENTER).filter == "libc"
    assert after("/", *"libc", BACKSPACE, ENTER).filter == "lib"
    assert after("/", *"libc", CLEAR, "x", ENTER).filter == "x"
    assert after("/", BACKSPACE, ENTER) == FIRST


def test_escape_leaves_the_filter_as_it_was() -> None:
    kept = after("/", *"libc", ENTER)
    assert after("/", *"ld", ESCAPE, view=kept) == kept
    assert after("/", ENTER, view=kept) == FIRST


def test_keys_are_text_in_a_filter() -> None:
    view = after("/", *"qsgt ?")
    assert (view.wanted, view.quit, view.sort) == ("qsgt ?", False, SortKey.WAIT)


def test_a_filter_is_no_longer_than_a_name() -> None:
    assert len(after("/", *"x" * 300).wanted) == 255


@pytest.mark.parametrize("key", ["t", " "])
def test_a_switch_is_switched_back(key: str) -> None:
    assert after(key) != FIRST
    assert after(key, key) == FIRST


def test_help_goes_with_any_key_that_does_nothing_else() -> None:
    assert after("?").help
    assert after("?", "s") == FIRST
    assert after("?", "?") == FIRST
    assert after("?", "q").quit


@pytest.mark.parametrize("key", ["x", ENTER, ESCAPE, BACKSPACE, "\udcff", "é"])
def test_other_keys_do_nothing(key: str) -> None:
    assert after(key) is FIRST


def test_the_help_names_every_key_that_does_something() -> None:
    words = [key for keys, _ in HELP for key in keys.split(", ")]
    named = {" " if word == "space" else word for word in words}
    doing = {chr(code) for code in range(32, 127) if FIRST.after(chr(code)) != FIRST}
    assert doing == named | {"h"}


@given(st.lists(st.one_of(st.sampled_from([*"sSgG/t ?hq", ENTER, ESCAPE, BACKSPACE]), st.text(
    min_size=1, max_size=1))))  # fmt: skip
def test_no_keys_lead_to_a_view_that_cannot_be(keys: list[str]) -> None:
    view = after(*keys)
    assert view.sort in sorts_of(view.mode)
    assert view.keys in view.groupings
