# SPDX-License-Identifier: GPL-2.0-or-later
"""The last values of files that lost their series, so that a file that returns goes on from them.

Kept small, since there may be ten thousand: docs/metrics.md has the figures.
"""

from __future__ import annotations

import marshal

from immapscope.exporter.account import Account
from immapscope.exporter.keys import Keys
from immapscope.exporter.labels import FileLabels


class Memory:
    """The newest accounts that were put in, up to a number of them."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        #: By the text of a file's labels: when it was created and its values.
        self._files: dict[str, bytes] = {}
        #: Whether any account is gone, so that a file that seems new may have had series before.
        self.forgot_some = False

    def put(self, labels: FileLabels, account: Account) -> None:
        """Vmas are not kept: they are what they were when the file was last counted."""
        self._files[labels.text] = marshal.dumps((account.created, account.values))

    def look(self, labels: FileLabels) -> Account | None:
        """The account of this file as it was; it stays in."""
        found = self._files.get(labels.text)
        return None if found is None else Account(self._keys, *marshal.loads(found))

    def drop(self, labels: FileLabels) -> None:
        """Nothing if there is none."""
        self._files.pop(labels.text, None)

    def shrink(self, files: int) -> None:
        """Forgets the oldest beyond this many."""
        while len(self._files) > files:
            del self._files[next(iter(self._files))]
            self.forgot_some = True
