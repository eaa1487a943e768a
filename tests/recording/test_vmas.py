# SPDX-License-Identifier: GPL-2.0-or-later
"""VMAs are told apart as one would who looks at one change after the other."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from immapscope.recording.vmas import Changes, Identities

#: Address, the one it is put behind (0: none), whether it is removed, the hold (0: not known).
Change = tuple[int, int, bool, int]
CHANGES = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.sampled_from([0, 0, 1, 2, 9]),
        st.booleans(),
        st.integers(0, 3),
    ),
    max_size=12,
)


class OneByOne:
    """The definition, change by change."""

    def __init__(self) -> None:
        self._uses: dict[int, int] = {}
        self._removed_in: dict[int, int] = {}

    def number(self, change: Change) -> tuple[int, int]:
        vma, parent, removes, hold = change
        of_parent = self._uses.setdefault(parent, 0) if parent else 0
        put_back = hold != 0 and self._removed_in.get(vma) == hold
        if vma in self._uses and not removes and not put_back:
            self._uses[vma] += 1
        self._removed_in[vma] = hold if removes else 0
        return self._uses.setdefault(vma, 0), of_parent


def as_changes(changes: list[Change]) -> Changes:
    vma, parent, removes, hold = (
        np.array([change[index] for change in changes], dtype)
        for index, dtype in enumerate((np.uint64, np.uint64, bool, np.uint64))
    )
    return Changes(vma, parent, removes, hold)


@given(st.lists(CHANGES, max_size=4))
def test_batches_are_numbered_as_one_by_one(batches: list[list[Change]]) -> None:
    expected, identities = OneByOne(), Identities()
    for batch in batches:
        of_vma, of_parent = identities.number(as_changes(batch))
        found = list(zip(of_vma.tolist(), of_parent.tolist(), strict=True))
        assert found == [expected.number(change) for change in batch]


def test_what_is_put_back_in_one_hold_is_the_same() -> None:
    changes: list[Change] = [(64, 0, False, 1), (64, 0, True, 2), (64, 0, False, 2)]
    assert Identities().number(as_changes(changes))[0].tolist() == [0, 0, 0]


def test_what_comes_in_another_hold_is_another() -> None:
    changes: list[Change] = [(64, 0, False, 1), (64, 0, True, 2), (64, 0, False, 3)]
    assert Identities().number(as_changes(changes))[0].tolist() == [0, 0, 1]
