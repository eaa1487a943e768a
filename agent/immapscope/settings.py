# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon's configuration as plain data, for a process that should stay small.

`immapscope.config` reads and checks the files; it and the libraries that it needs take some 20 MB,
so another process does that and sends these over (`immapscope.config.reader`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from immapscope.snapshot import Mode
from immapscope.who import Who, parse_who


class Takes(StrEnum):
    """What it takes for a changed value to have its effect, the least first."""

    READING = "reading"  #: it counts from the next reading on
    LISTENER = "listener"  #: the exporter closes its port and listens anew
    SESSION = "session"  #: the probes are compiled and attached anew


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; an empty host is every address of the machine, port 0 any free port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class ClientCertificates(StrEnum):
    """Whether a client must show a certificate of `Tls.client_ca_file`."""

    IGNORED = "NoClientCert"
    IF_GIVEN = "VerifyClientCertIfGiven"
    REQUIRED = "RequireAndVerifyClientCert"


class TlsVersion(StrEnum):
    """The versions of TLS that are spoken."""

    TLS12 = "TLS12"
    TLS13 = "TLS13"


@dataclass(frozen=True, slots=True)
class Tls:
    """What TLS is served with; every file could be read when the configuration was loaded."""

    cert_file: Path
    key_file: Path
    client_ca_file: Path | None
    client_certificates: ClientCertificates
    min_version: TlsVersion
    max_version: TlsVersion


@dataclass(frozen=True, slots=True)
class WebConfig:
    """`tls` None is plain HTTP; no `users` is no authentication.

    `users` has a bcrypt hash for each name, `headers` what each response carries besides.
    """

    tls: Tls | None
    users: Mapping[str, bytes] = field(repr=False)
    headers: Mapping[str, str]


_READING = {"takes": Takes.READING}
_LISTENER = {"takes": Takes.LISTENER}
_SESSION = {"takes": Takes.SESSION}


@dataclass(frozen=True, slots=True)
class FilesSettings:
    """Which files have counters of their own in the kernel, and for how long."""

    tracked: int = field(metadata=_SESSION)
    idle_after: float = field(metadata=_READING)


@dataclass(frozen=True, slots=True)
class KernelSettings:
    """How many tasks and locks the kernel side has room for at once."""

    waiting: int = field(metadata=_SESSION)
    held: int = field(metadata=_SESSION)


@dataclass(frozen=True, slots=True)
class ExporterSettings:
    """What Prometheus is served, and how; `web` is what `web_config_file` says."""

    listen: Address = field(metadata=_LISTENER)
    web_config_file: Path | None = field(metadata=_LISTENER)
    web: WebConfig | None = field(metadata=_LISTENER)
    max_series: int = field(metadata=_READING)
    remembered_files: int = field(metadata=_READING)
    max_connections: int = field(metadata=_LISTENER)


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is written to the journal."""

    level: str = field(metadata=_READING)


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration, key by key as in config.yaml. Durations are seconds."""

    mode: Mode = field(metadata=_SESSION)
    attach: str = field(metadata=_SESSION)
    tree_operations: bool = field(metadata=_SESSION)
    interval: float = field(metadata=_READING)
    inodes: tuple[str, ...] = field(metadata=_SESSION)
    files: FilesSettings
    kernel: KernelSettings
    exporter: ExporterSettings
    log: LogSettings

    @property
    def whos(self) -> tuple[Who, ...]:
        """The files that `inodes` names; none means all."""
        return tuple(parse_who(text) for text in self.inodes)


@dataclass(frozen=True, slots=True)
class Change:
    """A key, dotted, whose value differs: from what to what, and what that takes."""

    key: str
    old: object
    new: object
    takes: Takes


def changes(old: Settings, new: Settings) -> tuple[Change, ...]:
    """Every key whose value differs, in the order of config.yaml."""
    return tuple(
        Change(key, before, after, takes)
        for (key, before, takes), (_, after, _) in zip(_keys(old), _keys(new), strict=True)
        if before != after
    )


def needs_new_session(old: Settings, new: Settings) -> bool:
    """Whether the probes must be compiled and attached anew."""
    return any(change.takes is Takes.SESSION for change in changes(old, new))


def needs_new_listener(old: Settings, new: Settings) -> bool:
    """Whether the exporter must listen anew."""
    return any(change.takes is Takes.LISTENER for change in changes(old, new))


def _keys(section: Any, prefix: str = "") -> Iterator[tuple[str, object, Takes]]:
    for one in fields(section):
        value = getattr(section, one.name)
        if "takes" in one.metadata:
            yield f"{prefix}{one.name}", value, one.metadata["takes"]
        elif is_dataclass(value):
            yield from _keys(value, f"{prefix}{one.name}.")
