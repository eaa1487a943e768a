# SPDX-License-Identifier: GPL-2.0-or-later
"""Basic authentication against bcrypt hashes, without ever keeping others waiting for bcrypt."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

#: Right answers that are remembered, so that a scraper costs bcrypt once.
MOST_REMEMBERED: Final = 100

#: What bcrypt takes into account of a password; the library refuses more.
_PASSWORD_BYTES = 72


class Authentication:
    """Whether a request names one of `users` (bcrypt hash by name) with the right password.

    Without users everybody is admitted. The thread that hashes is its own; `close` lets it go.
    """

    def __init__(self, users: Mapping[str, bytes]) -> None:
        self._users = {name.encode(): hashed for name, hashed in users.items()}
        self._salt = secrets.token_bytes(16)
        self._right: dict[bytes, None] = {}
        self._hashing = ThreadPoolExecutor(1, "bcrypt")

    async def admits(self, authorization: str) -> bool:
        """For the value of the Authorization header, empty where there is none."""
        if not self._users:
            return True
        given = _credentials(authorization)
        if given is None:
            return False
        # The password itself is never kept.
        mark = hashlib.sha256(self._salt + b":".join(given)).digest()
        if mark in self._right:
            return True
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._hashing, self._check, mark, *given)

    def close(self) -> None:
        """Nobody is admitted any more."""
        self._hashing.shutdown(wait=False, cancel_futures=True)

    def _check(self, mark: bytes, name: bytes, password: bytes) -> bool:
        """One at a time, so that of many equal questions only the first costs bcrypt."""
        if mark in self._right:
            return True
        if not self._is_right(name, password):
            return False
        if len(self._right) >= MOST_REMEMBERED:
            del self._right[next(iter(self._right))]
        self._right[mark] = None
        return True

    def _is_right(self, name: bytes, password: bytes) -> bool:
        """An unknown name takes as long as a known one."""
        # Imported here: where there are no users nobody needs it.
        import bcrypt

        hashed = self._users.get(name, next(iter(self._users.values())))
        try:
            matches = bcrypt.checkpw(password[:_PASSWORD_BYTES], hashed)
        except ValueError:
            # What only looks like a hash is nobody's.
            return False
        return matches and name in self._users


def _credentials(authorization: str) -> tuple[bytes, bytes] | None:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return (name, password) if colon else None
