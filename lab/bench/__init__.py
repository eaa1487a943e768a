# SPDX-License-Identifier: GPL-2.0-or-later
"""What tracing costs, beside every tool that people would use instead; see docs/cost.md."""
