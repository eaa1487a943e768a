# SPDX-License-Identifier: GPL-2.0-or-later
"""What is this kernel? Layout, offsets, functions and the classes of its stacks, by shape."""
