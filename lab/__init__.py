# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernels, guest image and guests: everything real about immapscope runs in here."""
