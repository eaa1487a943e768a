# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS with certificates that openssl makes for the test."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from immapscope.errors import UsageError
from immapscope.exporter import Server
from immapscope.exporter.tls import server_context
from immapscope.settings import ClientCertificates, Tls, TlsVersion, WebConfig
from tests.exporter.serving import (
    ANYWHERE,
    QUICK,
    SMALL_PAGES,
    ask,
    ask_over_tls,
    connected,
    said,
    serving,
)

#: What a client sees when the server ends the handshake; TLS 1.3 tells it only with the first read.
REFUSED = (ssl.SSLError, ConnectionError)


def make_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", key, "-out", certificate),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("first", "second", "client"):
        make_certificate(folder, name)
    return folder


@pytest.fixture
def tls(made: Path, tmp_path: Path) -> Tls:
    """Served from a copy, so that a test may change it."""
    for kind in ("crt", "key"):
        shutil.copy(made / f"first.{kind}", tmp_path / f"server.{kind}")
    return Tls(
        cert_file=tmp_path / "server.crt",
        key_file=tmp_path / "server.key",
        client_ca_file=None,
        client_certificates=ClientCertificates.IGNORED,
        min_version=TlsVersion.TLS12,
        max_version=TlsVersion.TLS13,
    )


def web(tls: Tls) -> WebConfig:
    return WebConfig(tls=tls, users={}, headers={})


def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate)


def test_a_client_that_trusts_the_certificate_is_served(tls: Tls) -> None:
    with serving(web=web(tls)) as server:
        answer = ask_over_tls(server, trusting(tls.cert_file))
        assert (answer.status, answer.body) == (200, b"text")


def test_plain_http_and_half_a_handshake_get_nothing_and_stop_nothing(tls: Tls) -> None:
    with serving(web=web(tls)) as server, connected(server) as half:
        half.sendall(b"\x16\x03\x01")
        assert b"HTTP" not in said(server, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert ask_over_tls(server, trusting(tls.cert_file)).status == 200


def test_a_handshake_that_does_not_end_is_ended(tls: Tls) -> None:
    with serving(web=web(tls), timeouts=QUICK) as server:
        assert said(server, b"\x16\x03\x01") == b""


def test_a_certificate_that_changes_is_taken_up(made: Path, tls: Tls) -> None:
    with serving(web=web(tls)) as server:
        assert ask_over_tls(server, trusting(made / "first.crt")).status == 200
        shutil.copy(made / "second.key", tls.key_file)
        shutil.copy(made / "second.crt", tls.cert_file)
        assert ask_over_tls(server, trusting(made / "second.crt")).status == 200
        with pytest.raises(ssl.SSLCertVerificationError):
            ask_over_tls(server, trusting(made / "first.crt"))


def test_a_change_that_cannot_be_used_keeps_the_old_one(
    made: Path, tls: Tls, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(web=web(tls)) as server:
        tls.cert_file.write_text("half a certif")
        for _ in range(3):
            assert ask_over_tls(server, trusting(made / "first.crt")).status == 200
        tls.cert_file.unlink()
        assert ask_over_tls(server, trusting(made / "first.crt")).status == 200
    assert caplog.text.count("the changed certificate is not used") == 2


def test_a_client_must_show_a_certificate_where_that_is_required(made: Path, tls: Tls) -> None:
    strict = replace(
        tls,
        client_ca_file=made / "client.crt",
        client_certificates=ClientCertificates.REQUIRED,
    )
    with serving(web=web(strict)) as server:
        context = trusting(tls.cert_file)
        with pytest.raises(REFUSED):
            ask_over_tls(server, context)
        context.load_cert_chain(made / "client.crt", made / "client.key")
        assert ask_over_tls(server, context).status == 200
        stranger = trusting(tls.cert_file)
        stranger.load_cert_chain(made / "second.crt", made / "second.key")
        with pytest.raises(REFUSED):
            ask_over_tls(server, stranger)


def test_a_certificate_that_is_given_is_verified(made: Path, tls: Tls) -> None:
    some = replace(
        tls,
        client_ca_file=made / "client.crt",
        client_certificates=ClientCertificates.IF_GIVEN,
    )
    with serving(web=web(some)) as server:
        assert ask_over_tls(server, trusting(tls.cert_file)).status == 200


def test_versions_are_those_that_were_asked_for(tls: Tls) -> None:
    newest = replace(tls, min_version=TlsVersion.TLS13)
    with serving(web=web(newest)) as server:
        old = trusting(tls.cert_file)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(REFUSED):
            ask_over_tls(server, old)


@pytest.mark.parametrize("name", ["server.crt", "server.key", "authority.crt"])
@pytest.mark.parametrize("content", [None, "", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_files_that_cannot_be_used_are_named(tls: Tls, name: str, content: str | None) -> None:
    authority = tls.cert_file.parent / "authority.crt"
    shutil.copy(tls.cert_file, authority)
    bad = replace(tls, client_ca_file=authority, client_certificates=ClientCertificates.REQUIRED)
    server_context(bad)
    path = tls.cert_file.parent / name
    path.unlink()
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError, match=str(path)):
        Server(ANYWHERE, lambda: SMALL_PAGES, web(bad))


def test_a_key_with_a_passphrase_is_refused_without_asking_for_it(made: Path, tls: Tls) -> None:
    subprocess.run(
        [
            *("openssl", "ec", "-in", made / "first.key", "-out", tls.key_file),
            *("-aes256", "-passout", "pass:secret"),
        ],
        check=True,
        capture_output=True,
    )
    with pytest.raises(UsageError, match="without a passphrase"):
        server_context(tls)


def test_without_tls_a_client_that_speaks_it_is_told_off() -> None:
    with serving() as server:
        with pytest.raises(ssl.SSLError):
            ask_over_tls(server, ssl.create_default_context())
        assert ask(server).status == 200
