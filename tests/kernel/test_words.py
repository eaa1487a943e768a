# SPDX-License-Identifier: GPL-2.0-or-later
"""Operations and causes have the labels of the design and codes that never move."""

import pytest

from immapscope.kernel.words import Cause, Operation


def test_the_codes_of_operations_are_those_that_probes_store() -> None:
    assert {word.label: word.code for word in Operation} == {
        "insert": 1,
        "insert_after": 2,
        "remove": 3,
        "adjust": 4,
        "walk": 5,
        "other": 6,
    }


def test_the_codes_of_causes_are_those_that_probes_store() -> None:
    assert {word.label: word.code for word in Cause} == {
        "exec": 1,
        "fork": 2,
        "exit": 3,
        "mmap": 4,
        "munmap": 5,
        "mprotect": 6,
        "mremap": 7,
        "madvise": 8,
        "truncate": 9,
        "reclaim": 10,
        "migrate": 11,
        "writeback": 12,
        "other": 13,
    }


@pytest.mark.parametrize("words", [Operation, Cause])
def test_a_code_leads_back_to_its_word(words: type[Operation] | type[Cause]) -> None:
    assert [words.from_code(word.code) for word in words] == list(words)


@pytest.mark.parametrize("words", [Operation, Cause])
def test_code_0_is_not_known_and_a_strange_code_is_an_error(
    words: type[Operation] | type[Cause],
) -> None:
    assert words.from_code(0) is None
    with pytest.raises(ValueError, match=f"{words.__name__} has no code 99"):
        words.from_code(99)


def test_a_word_prints_as_its_label() -> None:
    assert f"{Operation.INSERT_AFTER} by {Cause.FORK}" == "insert_after by fork"
