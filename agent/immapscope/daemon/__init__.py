# SPDX-License-Identifier: GPL-2.0-or-later
"""`immapscope daemon`: one session for months, read at intervals, served to Prometheus."""
