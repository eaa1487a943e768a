# SPDX-License-Identifier: GPL-2.0-or-later
"""python3 -m tests.dashboards.draw DIR: pictures of the dashboards from synthetic snapshots."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from dashboards import generate, pictures
from dashboards.thresholds import load
from tests.dashboards import history
from tests.dashboards.test_queries import FAST
from tests.lab_host.programs import backfill, prometheus

CAPTION = "Synthetic snapshots of three hosts through the real exporter."


def main(into: str) -> None:
    """Backfills a Prometheus with the history that the tests have, and draws it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "thresholds.yaml").write_text(json.dumps(FAST))
        generate.write(load([folder / "thresholds.yaml"]), folder)
        end = time.time()
        backfill(folder, history.samples(end))
        config = {"global": {"evaluation_interval": "1s"}, "rule_files": ["prometheus/*.yaml"]}
        with prometheus(folder, json.dumps(config)) as server:
            time.sleep(10)  # the rules that need one another come to rest
            pictures.main(
                [
                    *(server.address, into, "--caption", CAPTION, "--end", str(time.time())),
                    *("--choose", f"left_release={history.FIRST.release}"),
                    *("--choose", f"right_release={history.SECOND.release}"),
                    *("--choose", "shards:instance=db2"),
                ],
                standalone_mode=False,
            )


if __name__ == "__main__":
    main(sys.argv[1])
