# SPDX-License-Identifier: GPL-2.0-or-later
"""`immapscope top`: the rows of `trace`, live in the terminal."""
