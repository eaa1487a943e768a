# SPDX-License-Identifier: GPL-2.0-or-later
"""The unit of the daemon gives it no more than it needs, in systemd's own judgement."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lab.install import UNIT

MOST_EXPOSURE = 3.0

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="no systemd-analyze here; tests/lab asks the guest's",
)


def analyze(*words: str | Path) -> str:
    done = subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@needs_systemd
def test_its_exposure_is_low() -> None:
    said = analyze("security", "--offline=true", "--no-pager", UNIT)
    level = re.search(r"Overall exposure level for immapscope\.service: ([\d.]+)", said)
    assert level, said
    assert float(level[1]) <= MOST_EXPOSURE


@needs_systemd
def test_systemd_knows_every_setting(tmp_path: Path) -> None:
    # Only what it starts need not be there.
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/usr/local/bin/immapscope", "/bin/true"))
    assert analyze("verify", "--man=no", copy) == ""


def test_it_may_hold_no_capability_that_it_is_not_given() -> None:
    settings = dict(
        line.split("=", 1)
        for line in UNIT.read_text().splitlines()
        if "Capabilit" in line and "=" in line
    )
    assert settings["AmbientCapabilities"] == settings["CapabilityBoundingSet"]
