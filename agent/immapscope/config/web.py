# SPDX-License-Identifier: GPL-2.0-or-later
"""The web configuration: TLS, basic authentication and headers, in exporter-toolkit's format.

The format is that of every Prometheus exporter (prometheus/exporter-toolkit,
docs/web-configuration.md). A key of it that this exporter cannot honour is taken only with a value
that says what it does anyway, and else refused by name. Relative paths are relative to the file.
"""

from __future__ import annotations

from pathlib import Path

from immapscope.config import document
from immapscope.config.errors import ConfigError, Problem
from immapscope.config.validation import validated
from immapscope.config.webfile import TlsSection, WebFile
from immapscope.settings import ClientCertificates, Tls, TlsVersion, WebConfig


def load_web_config(path: Path) -> WebConfig:
    """The web configuration in this file; an empty one is plain HTTP for everybody.

    Raises ConfigError; no message has a password, a hash or a key in it.
    """
    read = document.read(path)
    file = validated(WebFile, read, {"folder": path.parent})
    _check_files(read, file.tls_server_config)
    headers = file.http_server_config.headers.model_dump(by_alias=True)
    return WebConfig(
        tls=_tls(file.tls_server_config),
        users=file.basic_auth_users,
        headers={name: value for name, value in headers.items() if value},
    )


def _tls(section: TlsSection) -> Tls | None:
    if section.cert_file is None or section.key_file is None:
        return None
    return Tls(
        cert_file=section.cert_file,
        key_file=section.key_file,
        client_ca_file=section.client_ca_file,
        client_certificates=ClientCertificates(section.client_auth_type),
        min_version=TlsVersion(section.min_version),
        max_version=TlsVersion(section.max_version),
    )


def _check_files(read: document.Document, section: TlsSection) -> None:
    problems = []
    for key in ("cert_file", "key_file", "client_ca_file"):
        path = getattr(section, key)
        if path is None:
            continue
        try:
            with path.open("rb") as file:
                file.read(1)
        except OSError as error:
            line = read.line_of(("tls_server_config", key))
            what = f"tls_server_config.{key}: {str(path)!r} cannot be read: {error.strerror}"
            problems.append(Problem(line, what))
    if problems:
        raise ConfigError(read.path, problems)
