# SPDX-License-Identifier: GPL-2.0-or-later
"""Errors that a person can act on. Each becomes one line on stderr and an exit status."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """The exit statuses of every command; a traced COMMAND's own status wins over them."""

    FINE = 0
    BAD_NEWS = 1
    WRONG_USAGE = 2
    CANNOT_TRACE = 3
    CANNOT_RUN_COMMAND = 126
    COMMAND_NOT_FOUND = 127
    INTERRUPTED = 130


class ImmapscopeError(Exception):
    """One clear line: what is wrong, where, and what to do."""

    status = ExitStatus.WRONG_USAGE


class UsageError(ImmapscopeError):
    """The command line or a file named on it cannot be used as it stands."""


class CannotTraceError(ImmapscopeError):
    """This machine, kernel or user cannot trace; the message says what would lift it."""

    status = ExitStatus.CANNOT_TRACE
