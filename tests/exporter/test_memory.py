# SPDX-License-Identifier: GPL-2.0-or-later
"""The last values of files without series."""

from __future__ import annotations

from immapscope.exporter.account import Account
from immapscope.exporter.families import Family
from immapscope.exporter.keys import Key, Keys
from immapscope.exporter.labels import FileLabels
from immapscope.exporter.memory import Memory

A, B, C = (FileLabels(name, f"254:0:{number}") for number, name in enumerate("abc"))


def holding(*files: FileLabels) -> Memory:
    keys = Keys()
    memory = Memory(keys)
    for file in files:
        memory.put(file, Account(keys, None, {keys.number(Key(Family.SWEEPS, ())): 7}))
    return memory


def known(memory: Memory) -> set[FileLabels]:
    return {file for file in (A, B, C) if memory.look(file) is not None}


def test_values_of_any_size_come_back_as_they_were() -> None:
    keys = Keys()
    memory = Memory(keys)
    number = keys.number(Key(Family.WAIT, ("0", "1", "insert")))
    memory.put(A, Account(keys, 12.5, {number: 2**80 + 1}))
    found = memory.look(A)
    assert found is not None
    assert (found.values, found.created, found.lines) == ({number: 2**80 + 1}, 12.5, 2)


def test_the_oldest_are_forgotten_first() -> None:
    memory = holding(A, B, C)
    memory.shrink(2)
    assert known(memory) == {B, C}
    assert memory.forgot_some


def test_nothing_is_forgotten_while_there_is_room() -> None:
    memory = holding(A, B, C)
    memory.shrink(3)
    assert known(memory) == {A, B, C}
    assert not memory.forgot_some


def test_a_file_that_was_taken_out_leaves_its_place_and_is_the_newest_when_it_is_put_in() -> None:
    memory = holding(A, B)
    memory.drop(A)
    memory.put(C, Account(Keys()))
    memory.shrink(2)
    assert known(memory) == {B, C}
    memory.put(A, Account(Keys()))
    memory.shrink(2)
    assert known(memory) == {C, A}
