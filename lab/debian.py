# SPDX-License-Identifier: GPL-2.0-or-later
"""Packages of any Debian suite, without touching the machine's own package lists.

Each suite gets an apt root of its own: own lists, own archives, an empty dpkg status. The mirror is
the one that the machine's own apt sources name, so nothing here knows an address.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import cache
from lab.errors import LabError
from lab.programs import run

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SUITES = ("bookworm", "trixie", "forky", "sid", "stable", "testing", "unstable", "oldstable")


@dataclass(frozen=True)
class Source:
    """One line or stanza of apt's sources."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""


@dataclass(frozen=True)
class Mirror:
    """Where Debian's archive is, as this machine's sources say."""

    archive: str
    security: str | None


def parse_one_line(text: str) -> list[Source]:
    """Sources of a `*.list` file; lines that are comments, disabled or deb-src are left out."""
    found = []
    pattern = re.compile(r"^deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<rest>\S.*)$")
    for line in text.splitlines():
        match = pattern.match(line.split("#")[0].strip())
        if not match:
            continue
        uri, *words = match["rest"].split()
        options = dict(
            option.split("=", 1) for option in (match["options"] or "").split() if "=" in option
        )
        signed_by = options.get("signed-by", "")
        found.append(Source((uri,), tuple(words[:1]), tuple(words[1:]), signed_by))
    return found


def parse_deb822(text: str) -> list[Source]:
    """Sources of a `*.sources` file; stanzas that are disabled or deb-src only are left out."""
    found = []
    for stanza in re.split(r"\n[ \t]*\n", text):
        fields: dict[str, str] = {}
        name = ""
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in (" ", "\t") and name:
                fields[name] += "\n" + line.strip()
            elif ":" in line:
                name, value = line.split(":", 1)
                name = name.strip().lower()
                fields[name] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled") == "no":
            continue
        found.append(
            Source(
                tuple(fields.get("uris", "").split()),
                tuple(fields.get("suites", "").split()),
                tuple(fields.get("components", "").split()),
                fields.get("signed-by", ""),
            )
        )
    return found


def pick_mirror(sources: Iterable[Source]) -> Mirror | None:
    """Debian's archive among the sources of all vendors; None if there is none.

    Other vendors use Debian's suite names too, so a source signed with Debian's keyring wins over
    one whose path merely says debian; the packages' signatures decide in the end.
    """
    archives: list[tuple[int, str]] = []
    security: str | None = None
    for source in sources:
        if "main" not in source.components:
            continue
        for uri in source.uris:
            for suite in source.suites:
                base, _, pocket = suite.partition("-")
                if base.split("/")[0] not in SUITES:
                    continue
                if "security" in pocket or suite.endswith("/updates"):
                    security = security or uri
                elif pocket in ("", "updates", "backports"):
                    signed = "debian-archive" in source.signed_by
                    named = uri.rstrip("/").endswith("/debian")
                    archives.append((2 * signed + named, uri))
    if not archives:
        return None
    best = max(score for score, _ in archives)
    return Mirror(next(uri for score, uri in archives if score == best), security)


def machine_mirror(apt: Path = Path("/etc/apt")) -> Mirror:
    """The mirror this machine uses. $IMMAPSCOPE_MIRROR names one where no apt source does."""
    if named := os.environ.get("IMMAPSCOPE_MIRROR"):
        return Mirror(named, None)
    sources: list[Source] = []
    parts = apt / "sources.list.d"
    for path in [apt / "sources.list", *sorted(parts.glob("*.list"))]:
        if path.is_file():
            sources += parse_one_line(path.read_text(errors="replace"))
    for path in sorted(parts.glob("*.sources")):
        sources += parse_deb822(path.read_text(errors="replace"))
    mirror = pick_mirror(sources)
    if mirror is None:
        raise LabError("no Debian mirror in this machine's apt sources; set IMMAPSCOPE_MIRROR")
    return mirror


def source_lines(mirror: Mirror, suite: str) -> list[str]:
    """One-line sources: of a suite with updates and security, of backports with their suite."""
    # A suite that moves (sid) may have a Release file older than its own promise.
    options = f"[arch=amd64 signed-by={KEYRING}{' check-valid-until=no' if suite == 'sid' else ''}]"
    lines = [f"deb {options} {mirror.archive} {suite} main"]
    if suite.endswith("-backports"):
        lines += source_lines(mirror, suite.removesuffix("-backports"))
    elif suite != "sid":
        lines.append(f"deb {options} {mirror.archive} {suite}-updates main")
        if mirror.security:
            lines.append(f"deb {options} {mirror.security} {suite}-security main")
    return lines


class AptRoot:
    """apt for one suite, in a folder of its own."""

    def __init__(self, suite: str) -> None:
        self.suite = suite
        self.path = cache.directory() / "apt" / suite

    def _prepare(self) -> None:
        for folder in ("lists/partial", "archives/partial"):
            (self.path / folder).mkdir(parents=True, exist_ok=True)
        (self.path / "status").touch()
        lines = source_lines(machine_mirror(), self.suite)
        (self.path / "sources.list").write_text("".join(line + "\n" for line in lines))
        settings = {
            "Dir::State": self.path,
            "Dir::State::lists": self.path / "lists",
            "Dir::State::status": self.path / "status",
            "Dir::Cache": self.path,
            "Dir::Cache::archives": self.path / "archives",
            "Dir::Cache::pkgcache": self.path / "pkgcache.bin",
            "Dir::Cache::srcpkgcache": "",
            "Dir::Etc::sourcelist": self.path / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "APT::Architecture": "amd64",
            "APT::Architectures": "amd64",
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "root",
            "Acquire::Languages": "none",
            "Acquire::http::Timeout": "10",
            "Acquire::Retries": "1",
        }
        if self.suite.endswith("-backports"):
            # Else the suite's own packages come first.
            settings["APT::Default-Release"] = self.suite
        text = "".join(f'{name} "{value}";\n' for name, value in settings.items())
        # The machine's own hooks act on the machine's own caches.
        text += "#clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n"
        (self.path / "apt.conf").write_text(text)

    def _run(self, *command: str, folder: Path | None = None) -> str:
        settings = {"APT_CONFIG": str(self.path / "apt.conf")}
        return run(command, folder=folder, environment=settings)

    def update(self) -> None:
        """Ask the mirror for the suite's package lists; LabError if it does not answer."""
        with cache.locked(f"apt-{self.suite}"):
            self._prepare()
            self._run("apt-get", "-q", "-o", "APT::Update::Error-Mode=any", "update")

    def packages(self, prefix: str) -> list[str]:
        """Names of the suite's packages that start with prefix."""
        return sorted(self._run("apt-cache", "pkgnames", prefix).split())

    def versions(self, packages: Sequence[str]) -> dict[str, str]:
        """The version of each that would be downloaded; what the suite lacks is left out."""
        text = self._run("apt-cache", "policy", *packages)
        found = re.findall(r"^(\S+):\n.*\n  Candidate: ([^\s(]+)$", text, re.MULTILINE)
        return dict(found)

    def depends(self, package: str) -> list[str]:
        """Names of the packages it depends on directly."""
        text = self._run("apt-cache", "depends", "--important", package)
        return re.findall(r"^\s*\|?(?:Pre)?Depends: ([^<\s]+)$", text, re.MULTILINE)

    def unpack(self, packages: Sequence[str], into: Path, closure: bool = False) -> None:
        """Download packages, with all that they depend on if `closure`, and unpack them all."""
        with cache.locked(f"apt-{self.suite}"), cache.scratch("debs") as debs:
            if closure:
                archives = f"Dir::Cache::archives={debs}"
                (debs / "partial").mkdir()
                command = ["apt-get", "-q", "-y", "--download-only", "-o", archives, "install"]
            else:
                command = ["apt-get", "-q", "download"]
            self._run(*command, *packages, folder=debs)
            for deb in sorted(debs.glob("*.deb")):
                run(["dpkg-deb", "-x", deb, into])
