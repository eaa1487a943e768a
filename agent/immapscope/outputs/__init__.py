# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything that a snapshot becomes: text for people and for programs."""
