# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory is given back where the C library can, and nothing happens where it cannot."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from immapscope.daemon import memory


def test_all_that_is_free_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[int] = []
    monkeypatch.setattr(memory, "_LIBC", SimpleNamespace(malloc_trim=left.append))
    memory.give_back()
    assert left == [0]


def test_a_library_without_it_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_LIBC", SimpleNamespace())
    memory.give_back()
