# SPDX-License-Identifier: GPL-2.0-or-later
"""Settings that every test shares."""

from __future__ import annotations

from contextlib import suppress

# A guest has no hypothesis, and needs none.
with suppress(ImportError):
    from hypothesis import settings

    # How long an example takes says something about the machine, not about the code.
    settings.register_profile("any machine", deadline=None)
    settings.load_profile("any machine")
