# SPDX-License-Identifier: GPL-2.0-or-later
"""python3 -m dashboards [--thresholds FILE]... [--output DIR]"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dashboards import generate
from dashboards.thresholds import ThresholdsError, load


@click.command()
@click.option(
    "--thresholds",
    "over",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Replaces those keys of dashboards/thresholds.yaml that it names; may be repeated.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(__file__).parent,
    help="Write below this folder, and not into dashboards/ of the checkout.",
)
def main(over: tuple[Path, ...], output: Path) -> None:
    """Write the Grafana dashboards, the Prometheus rules and the Grafana-managed alerts."""
    try:
        generate.write(load(over), output)
    except (ThresholdsError, OSError) as error:
        print(f"dashboards: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
