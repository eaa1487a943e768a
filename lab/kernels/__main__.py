# SPDX-License-Identifier: GPL-2.0-or-later
"""python3 -m lab.kernels NAME...: fetch or build these kernels, and say what each is."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from lab import cli, kernels
from lab.errors import LabError, UsageError


def main(names: Sequence[str]) -> int:
    """0; 2 for a name that is none, 70 if one could not be had."""
    try:
        for name in names:
            print(f"{name} = {kernels.find(name).release}", flush=True)
    except LabError as error:
        print(f"kernels: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else cli.FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
