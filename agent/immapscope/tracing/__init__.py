# SPDX-License-Identifier: GPL-2.0-or-later
"""Load the probes, attach them, read what they counted: from a kernel model to a Snapshot."""
