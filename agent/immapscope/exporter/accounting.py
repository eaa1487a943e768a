# SPDX-License-Identifier: GPL-2.0-or-later
"""Adds up intervals: what each file has under its own labels, what is in `other`.

What was exposed under a file's own labels stays there; only what is new while a file has no series
goes to `other`. So no counter goes backwards and nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from immapscope.exporter.account import Account
from immapscope.exporter.choice import Candidate, choose
from immapscope.exporter.increments import Increment, increments_of
from immapscope.exporter.keys import Keys
from immapscope.exporter.labels import OTHER, FileLabels, file_labels
from immapscope.exporter.limits import Limits
from immapscope.exporter.memory import Memory
from immapscope.exporter.other import Other
from immapscope.exporter.recency import Recency
from immapscope.grouping import FileIdentity, identity
from immapscope.snapshot import Snapshot

#: A file of which nothing was new for so long has no better claim than one that comes.
IDLE_SECONDS: Final = 3600.0


class Accounting:
    """All accounts of files. `dropped_series` counts what the limit kept from being exposed."""

    def __init__(self) -> None:
        self.keys: Final = Keys()
        self.dropped_series = 0
        self._own: dict[FileLabels, Account] = {}
        self._other = Other(self.keys)
        self._memory = Memory(self.keys)
        self._recency = Recency()
        # Seconds of intervals, and when of these a file with series last had something new.
        self._now = 0.0
        self._changed: dict[FileLabels, float] = {}
        # Of files with series only: a renamed file keeps the labels that it was published with.
        self._labels: dict[FileIdentity, FileLabels] = {}
        self._newest: dict[FileLabels, FileIdentity] = {}

    def take(self, interval: Snapshot, began: float, lines_beside: int, limits: Limits) -> None:
        """Adds an interval that began at `began` (seconds since the epoch).

        `lines_beside` is the number of sample lines that belong to no file.
        """
        increments = increments_of(interval, self.keys)
        nameless = increments.pop(None, Increment(None))
        named = {
            labels: increment
            for labels, increment in self._by_labels(increments).items()
            # That nobody knows its mappings any more is nothing new of a file without series.
            if increment.counts or labels in self._own
        }
        seconds = interval.duration_ns / 1e9
        self._now += seconds
        self._recency.fade(seconds)
        for labels, increment in named.items():
            self._recency.add(labels, increment.wait_ns)
            if increment.counts:
                self._changed[labels] = self._now
        accounts = {**self._own, **{labels: self._account(labels, began) for labels in named}}
        chosen = choose(
            [self._candidate(labels, own, named.get(labels)) for labels, own in accounts.items()],
            limits.max_series - lines_beside,
            self._other,
            nameless.counts.keys(),
            limits.of_other,
        )
        self._other.add(nameless, limits.of_other)
        for labels, increment in named.items():
            if labels in chosen:
                accounts[labels].add(increment)
            else:
                self._other.add(increment, limits.of_other)
                self.dropped_series += self.keys.lines_of(increment.counts)
        self._publish({labels: accounts[labels] for labels in chosen}, named)
        self._memory.shrink(limits.remembered_files)
        self._recency.forget_the_least()

    def accounts(self) -> Iterator[tuple[FileLabels, Account]]:
        """What is exposed, in the order of names, `other` included."""
        yield from sorted(
            (*self._own.items(), (OTHER, self._other.account)), key=lambda one: one[0]
        )

    def top(self, count: int) -> list[tuple[FileLabels, Account]]:
        """The files with series that waited most lately."""
        ranked = sorted(self._own, key=self._recency.of, reverse=True)
        return [(labels, self._own[labels]) for labels in ranked[:count]]

    def _by_labels(
        self, increments: dict[FileIdentity | None, Increment]
    ) -> dict[FileLabels, Increment]:
        named: dict[FileLabels, Increment] = {}
        for increment in increments.values():
            assert increment.inode is not None
            who = identity(increment.inode)
            labels = self._labels.get(who) or file_labels(increment.inode)
            if labels in named:
                named[labels].include(increment)
            else:
                named[labels] = increment
        return named

    def _account(self, labels: FileLabels, began: float) -> Account:
        """The one that is exposed, that is remembered, or a new one that counts from now on."""
        found = self._own.get(labels) or self._memory.look(labels)
        return found or Account(self.keys, began if self._memory.forgot_some else None)

    def _candidate(
        self, labels: FileLabels, account: Account, increment: Increment | None
    ) -> Candidate:
        return Candidate(
            labels,
            self._recency.of(labels),
            has_series=labels in self._own,
            idle=self._now - self._changed[labels] > IDLE_SECONDS,
            events=increment.events if increment else 0,
            lines=account.lines_with(increment) if increment else account.lines,
            numbers=increment.counts.keys() if increment else (),
        )

    def _publish(
        self, chosen: dict[FileLabels, Account], named: dict[FileLabels, Increment]
    ) -> None:
        for labels in sorted(self._own.keys() - chosen.keys()):
            self._memory.put(labels, self._own[labels])
            self._labels.pop(self._newest.pop(labels), None)
        for labels in chosen.keys() & named.keys():
            self._memory.drop(labels)
            inode = named[labels].inode
            assert inode is not None
            if labels in self._newest:
                self._labels.pop(self._newest[labels], None)
            self._newest[labels] = identity(inode)
            self._labels[identity(inode)] = labels
        self._own = chosen
        self._changed = {labels: self._changed[labels] for labels in chosen}
