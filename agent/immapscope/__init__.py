# SPDX-License-Identifier: GPL-2.0-or-later
"""Which file's i_mmap lock is this machine waiting on, from which node, behind whom, and why."""

__version__ = "0.1.0"
