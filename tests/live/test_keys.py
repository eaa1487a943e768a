# SPDX-License-Identifier: GPL-2.0-or-later
"""What a terminal sends is read as keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immapscope.live.keys import BACKSPACE, CLEAR, ENTER, ESCAPE, Keys


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        (b"s", ["s"]),
        (b"sS /", ["s", "S", " ", "/"]),
        (b"\r\n", [ENTER, ENTER]),
        (b"\x7f\x08", [BACKSPACE, BACKSPACE]),
        (b"\x15", [CLEAR]),
        (b"\x1b", [ESCAPE]),
        (b"a\x1b", ["a", ESCAPE]),
        ("é字".encode(), ["é", "字"]),
        (b"\xff", ["\udcff"]),
        # Arrows, function keys, page up, a key with Alt, a focus event: not ours.
        (b"\x1b[A\x1b[1;5C\x1bOP\x1b[15~\x1b[5~\x1bx\x1b[Iq", ["q"]),
        (b"\x01\x00\x0b", []),
    ],
)
def test_bytes_are_keys(content: bytes, keys: list[str]) -> None:
    assert Keys().typed(content) == keys


def test_a_character_that_comes_in_parts_is_one_key() -> None:
    keys = Keys()
    lock = "\U0001f512".encode()
    assert [keys.typed(lock[i : i + 1]) for i in range(4)] == [[], [], [], ["\U0001f512"]]


@given(st.text(st.characters(min_codepoint=32, exclude_characters="\x7f"), max_size=20), st.data())
def test_text_is_its_characters_however_it_comes(text: str, data: st.DataObject) -> None:
    content = text.encode("utf-8", "surrogatepass")
    text = content.decode("utf-8", "surrogateescape")
    keys, typed = Keys(), list[str]()
    while content:
        length = data.draw(st.integers(1, len(content)))
        typed += keys.typed(content[:length])
        content = content[length:]
    assert "".join(typed) == text


@given(st.lists(st.binary(max_size=10)))
def test_any_bytes_are_keys_or_nothing(contents: list[bytes]) -> None:
    keys = Keys()
    names = {ENTER, ESCAPE, BACKSPACE, CLEAR}
    for content in contents:
        assert all(key in names or len(key) == 1 for key in keys.typed(content))
