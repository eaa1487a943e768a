# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m immapscope`, for a checkout that is not installed."""

from immapscope.cli import main

main()
