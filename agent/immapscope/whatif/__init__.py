# SPDX-License-Identifier: GPL-2.0-or-later
"""What other designs of i_mmap would have cost the tasks of a recording; docs/whatif.md."""
