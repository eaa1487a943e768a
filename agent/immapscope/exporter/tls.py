# SPDX-License-Identifier: GPL-2.0-or-later
"""The TLS context of the server; certificates that change on disk are taken up."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path
from typing import Final

from immapscope.errors import UsageError
from immapscope.outputs.printable import printable
from immapscope.settings import ClientCertificates, Tls, TlsVersion

_log = logging.getLogger(__name__)

_VERSIONS: Final = {
    TlsVersion.TLS12: ssl.TLSVersion.TLSv1_2,
    TlsVersion.TLS13: ssl.TLSVersion.TLSv1_3,
}
_CLIENTS: Final = {
    ClientCertificates.IGNORED: ssl.CERT_NONE,
    ClientCertificates.IF_GIVEN: ssl.CERT_OPTIONAL,
    ClientCertificates.REQUIRED: ssl.CERT_REQUIRED,
}

Stamp = tuple[tuple[int, int, int] | None, ...]


def server_context(tls: Tls) -> ssl.SSLContext:
    """A context for a server of HTTP/1.1. Raises UsageError for files that cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[tls.min_version]
    context.maximum_version = _VERSIONS[tls.max_version]
    context.set_alpn_protocols(["http/1.1"])
    context.verify_mode = _CLIENTS[tls.client_certificates]
    try:
        # A key with a passphrase fails instead of asking the terminal for it.
        context.load_cert_chain(tls.cert_file, tls.key_file, password="")
    except (OSError, ValueError) as error:
        files = f"{printable(str(tls.cert_file))} and {printable(str(tls.key_file))}"
        raise UsageError(
            f"{files}: no certificate with its key, both in PEM, the key without a passphrase: "
            f"{error}"
        ) from error
    if tls.client_ca_file is not None:
        try:
            context.load_verify_locations(tls.client_ca_file)
        except (OSError, ValueError) as error:
            name = printable(str(tls.client_ca_file))
            raise UsageError(f"{name}: no certificates of an authority, in PEM: {error}") from error
    return context


class Certificates:
    """The context for the next connection.

    The files are looked at for each, which costs three stats; a change that cannot be used is told
    once, and the old context stays.
    """

    def __init__(self, tls: Tls) -> None:
        self._tls = tls
        self._stamp = self._stamp_now()
        self._context = server_context(tls)

    def context(self) -> ssl.SSLContext:
        """As of the files' last usable state."""
        stamp = self._stamp_now()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._context = server_context(self._tls)
            except UsageError as error:
                _log.warning("the changed certificate is not used: %s", error)
        return self._context

    def _stamp_now(self) -> Stamp:
        files = (self._tls.cert_file, self._tls.key_file, self._tls.client_ca_file)
        return tuple(_stamp(path) for path in files if path is not None)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
