# SPDX-License-Identifier: GPL-2.0-or-later
"""make install and make uninstall: what goes where, and that an edited configuration survives."""

from pathlib import Path

import pytest

from lab import install
from lab.install import Places


def stand_in_venv(folder: Path) -> None:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/python").touch()


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(Path("/opt/tools"), tmp_path)


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def test_everything_lies_below_the_destination_at_its_place(places: Places) -> None:
    install.install(places, stand_in_venv)
    assert files(places.destdir) == {
        "opt/tools/bin/immapscope",
        "opt/tools/lib/immapscope/bin/python",
        "opt/tools/share/immapscope/config.yaml",
        "etc/immapscope/config.yaml",
        "etc/systemd/system/immapscope.service",
    }


def test_what_is_installed_speaks_of_where_it_will_be(places: Places) -> None:
    install.install(places, stand_in_venv)
    program = places.below(places.launcher)
    assert program.read_text().startswith("#!/opt/tools/lib/immapscope/bin/python -I\n")
    assert program.stat().st_mode & 0o777 == 0o755
    unit = places.below(places.unit).read_text()
    assert "ExecStart=/opt/tools/bin/immapscope --config /etc/immapscope/config.yaml " in unit
    for file in (program, places.below(places.unit)):
        assert str(places.destdir) not in file.read_text()
        assert "/usr/local/" not in file.read_text()


def test_the_unit_of_the_checkout_is_that_of_the_default_prefix() -> None:
    assert install.unit(Places(install.PREFIX)) == install.UNIT.read_text()
    assert f"ExecStart={install.PREFIX}/bin/immapscope " in install.UNIT.read_text()


def test_uninstall_removes_what_install_made(places: Places) -> None:
    others = places.below(Path("/opt/tools/bin/other"))
    others.parent.mkdir(parents=True)
    others.touch()
    install.install(places, stand_in_venv)
    install.remove(places)
    assert files(places.destdir) == {"opt/tools/bin/other"}
    assert not places.below(places.config).parent.exists()
    assert not places.below(places.shipped_config).parent.exists()


def test_uninstall_keeps_an_edited_configuration_and_says_so(
    places: Places, capsys: pytest.CaptureFixture[str]
) -> None:
    install.install(places, stand_in_venv)
    config = places.below(places.config)
    config.write_text("interval: 60s\n")
    key = config.with_name("key.pem")
    key.touch()
    install.remove(places)
    assert files(places.destdir) == {"etc/immapscope/config.yaml", "etc/immapscope/key.pem"}
    assert config.read_text() == "interval: 60s\n"
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert str(config) in said
    assert str(key) in said


def test_uninstall_of_what_is_not_there_is_fine(places: Places) -> None:
    install.remove(places)
    assert files(places.destdir) == set()


def test_a_new_install_replaces_the_venv_and_keeps_an_edited_configuration(
    places: Places, capsys: pytest.CaptureFixture[str]
) -> None:
    install.install(places, stand_in_venv)
    places.below(places.venv / "stale").touch()
    config = places.below(places.config)
    config.write_text("interval: 60s\n")
    install.install(places, stand_in_venv)
    assert config.read_text() == "interval: 60s\n"
    assert str(places.shipped_config) in capsys.readouterr().err
    assert not places.below(places.venv / "stale").exists()


def test_a_configuration_that_nobody_edited_follows_what_is_shipped(
    places: Places, capsys: pytest.CaptureFixture[str]
) -> None:
    install.install(places, stand_in_venv)
    for copy in (places.config, places.shipped_config):
        places.below(copy).write_text("what an older release shipped\n")
    install.install(places, stand_in_venv)
    shipped = (install.CHECKOUT / "config.yaml").read_text()
    assert places.below(places.config).read_text() == shipped
    assert capsys.readouterr().err == ""


def test_an_install_that_fails_leaves_the_one_before(places: Places) -> None:
    install.install(places, stand_in_venv)
    before = files(places.destdir)

    def fail(folder: Path) -> None:
        stand_in_venv(folder)
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        install.install(places, fail)
    assert before <= files(places.destdir)
    install.install(places, stand_in_venv)
    assert files(places.destdir) == before


@pytest.mark.parametrize("option", ["--prefix", "--destdir"])
def test_a_relative_folder_is_wrong_usage(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert install.main([option, "folder"]) == 2
    assert capsys.readouterr().err == f"install: {option} folder is not absolute\n"
