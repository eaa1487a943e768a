# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of tracing/ share."""

from hypothesis import settings

# How long an example takes says something about the machine, not about the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
