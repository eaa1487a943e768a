# SPDX-License-Identifier: GPL-2.0-or-later
"""Two kernels, or two states of one, by repeated runs of the same work: docs/compare.md."""
