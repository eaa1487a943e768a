# SPDX-License-Identifier: GPL-2.0-or-later
"""Failures a person can act on: the command line prints one line for each and no traceback."""


class LabError(Exception):
    """Something the lab needs could not be had; exit status 70."""


class UsageError(LabError):
    """The command line asks for something that does not exist; exit status 2."""
