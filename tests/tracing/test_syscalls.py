# SPDX-License-Identifier: GPL-2.0-or-later
"""System calls that may be refused say so, and leave the thread as they found it."""

from __future__ import annotations

import os

import pytest

from immapscope.tracing.syscalls import delete_element, not_preempted
from tests.tracing.arrays import memory


def test_a_key_is_not_deleted_from_what_is_no_map() -> None:
    descriptor = memory("no map", 1)
    try:
        with pytest.raises(OSError, match=r"Invalid argument|not permitted|not implemented"):
            delete_element(descriptor, b"key")
    finally:
        os.close(descriptor)


def test_the_schedule_is_as_before_when_it_is_over() -> None:
    before = os.sched_getscheduler(0), os.sched_getparam(0).sched_priority
    with not_preempted() as not_preempted_now:
        assert (os.sched_getscheduler(0) == os.SCHED_FIFO) == not_preempted_now
    assert (os.sched_getscheduler(0), os.sched_getparam(0).sched_priority) == before
    with pytest.raises(KeyError), not_preempted():
        raise KeyError
    assert (os.sched_getscheduler(0), os.sched_getparam(0).sched_priority) == before


def test_whoever_may_not_change_the_schedule_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refused)
    with not_preempted() as not_preempted_now:
        assert not not_preempted_now
