# SPDX-License-Identifier: GPL-2.0-or-later
"""Prometheus and Alertmanager are fetched once, and are programs only: nothing is installed."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from lab import debian, monitoring
from lab.errors import LabError


class Archive:
    """A mirror whose packages hold programs with this text, or that does not answer."""

    fetched = 0
    program: str | None = "#!/bin/sh\n"

    def __init__(self, suite: str) -> None:
        assert suite == "bookworm"

    def update(self) -> None:
        if self.program is None:
            raise LabError("no answer")

    def unpack(self, packages: Sequence[str], into: Path) -> None:
        Archive.fetched += 1
        assert set(packages) == {"prometheus", "prometheus-alertmanager"}
        (into / "usr/bin").mkdir(parents=True)
        (into / "etc").mkdir()
        (into / "usr/share/prometheus/alertmanager").mkdir(parents=True)
        for name in ("prometheus", "promtool", "prometheus-alertmanager", "amtool", "other"):
            file = into / "usr/bin" / name
            file.write_text(self.program or "")
            file.chmod(0o755)


@pytest.fixture(autouse=True)
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[Archive]:
    monkeypatch.setenv("IMMAPSCOPE_CACHE", str(tmp_path))
    monkeypatch.setattr(debian, "AptRoot", Archive)
    monkeypatch.setattr(Archive, "fetched", 0)
    return Archive


def test_they_are_fetched_once(archive: type[Archive]) -> None:
    assert monitoring.cached() is None
    folder = monitoring.folder()
    assert {path.name for path in folder.iterdir()} == {*monitoring.PROGRAMS, monitoring.SHARE}
    assert monitoring.folder() == folder == monitoring.cached()
    assert archive.fetched == 1


@pytest.mark.parametrize(
    ("program", "told"), [(None, "no answer"), ("#!/bin/sh\nexit 3\n", "exit status 3")]
)
def test_what_cannot_be_had_or_does_not_run_here_is_told(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    program: str | None,
    told: str,
) -> None:
    monkeypatch.setattr(Archive, "program", program)
    assert monitoring.main() == 70
    assert told in capsys.readouterr().err
    assert monitoring.cached() is None
