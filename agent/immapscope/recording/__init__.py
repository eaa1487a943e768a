# SPDX-License-Identifier: GPL-2.0-or-later
"""Recordings: every acquisition of a session in a Parquet file, and what is made of one."""
