# SPDX-License-Identifier: GPL-2.0-or-later
"""The web configuration is exporter-toolkit's; what cannot be honoured is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from immapscope.config import ConfigError, load_web_config
from immapscope.config.webfile import _BCRYPT
from immapscope.settings import ClientCertificates, Tls, TlsVersion
from tests.config.conftest import LoadedWeb, Refused, Written

HASH: Final = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"


@pytest.fixture
def tls(tmp_path: Path) -> str:
    """A section with files that are there."""
    for name in ("server.crt", "server.key", "ca.crt"):
        (tmp_path / name).write_text("PEM")
    return "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"


@pytest.mark.parametrize(
    "nothing",
    ["", "tls_server_config:\nhttp_server_config: {}\nbasic_auth_users:\n", "rate_limit: {}"],
)
def test_without_anything_it_is_plain_http_for_everybody(
    loaded_web: LoadedWeb, nothing: str
) -> None:
    web = loaded_web(nothing)
    assert (web.tls, web.users, web.headers) == (None, {}, {})


def test_files_are_relative_to_the_file_that_names_them(
    loaded_web: LoadedWeb, tls: str, tmp_path: Path
) -> None:
    assert loaded_web(tls).tls == Tls(
        cert_file=tmp_path / "server.crt",
        key_file=tmp_path / "server.key",
        client_ca_file=None,
        client_certificates=ClientCertificates.IGNORED,
        min_version=TlsVersion.TLS12,
        max_version=TlsVersion.TLS13,
    )


def test_an_absolute_path_stays(loaded_web: LoadedWeb, tls: str, tmp_path: Path) -> None:
    web = loaded_web(tls.replace("server.crt", str(tmp_path / "ca.crt")))
    assert web.tls is not None
    assert web.tls.cert_file == tmp_path / "ca.crt"


@pytest.mark.parametrize("policy", ["VerifyClientCertIfGiven", "RequireAndVerifyClientCert"])
def test_clients_may_have_to_show_a_certificate(
    loaded_web: LoadedWeb, tls: str, tmp_path: Path, policy: str
) -> None:
    web = loaded_web(f"{tls}  client_auth_type: {policy}\n  client_ca_file: ca.crt\n")
    assert web.tls is not None
    assert web.tls.client_ca_file == tmp_path / "ca.crt"
    assert web.tls.client_certificates == policy


def test_versions_of_tls_can_be_chosen(loaded_web: LoadedWeb, tls: str) -> None:
    web = loaded_web(f"{tls}  min_version: TLS13\n  max_version: TLS13\n")
    assert web.tls is not None
    assert (web.tls.min_version, web.tls.max_version) == (TlsVersion.TLS13, TlsVersion.TLS13)


def test_users_and_headers_are_as_they_stand_there(loaded_web: LoadedWeb) -> None:
    web = loaded_web(
        f"""
        basic_auth_users:
          alice: {HASH}
          1: '{HASH}'
        http_server_config:
          headers:
            X-Frame-Options: deny
            X-XSS-Protection: 0
            Content-Security-Policy: "default-src 'self'"
            Strict-Transport-Security: ''
        """
    )
    assert web.users == {"alice": HASH.encode(), "1": HASH.encode()}
    assert web.headers == {
        "X-Frame-Options": "deny",
        "X-XSS-Protection": "0",
        "Content-Security-Policy": "default-src 'self'",
    }


def test_what_says_what_is_done_anyway_is_taken(loaded_web: LoadedWeb, tls: str) -> None:
    plain = loaded_web(tls)
    said = f"""{tls}
  cipher_suites: []
  curve_preferences:
  client_allowed_sans: []
  prefer_server_cipher_suites: true
  client_auth_type: ''
  cert: ''
http_server_config: {{http2: false}}
rate_limit: {{interval: 0s, burst: 20}}
"""
    assert loaded_web(said) == plain


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("tls_server:\n", "1: unknown key 'tls_server'; did you mean 'tls_server_config'?"),
        ("tls_server_config:\n  certfile: x", "2: unknown key 'certfile' in tls_server_config; did "
         "you mean 'cert_file'?"),
        ("http_server_config:\n  headers:\n    X-Frame-Option: deny", "3: unknown key "
         "'X-Frame-Option' in http_server_config.headers; did you mean 'X-Frame-Options'?"),
        ("http_server_config: {headers: {X-Frame-Options: allow}}", "1: "
         "http_server_config.headers.X-Frame-Options: 'allow' is not deny or sameorigin"),
        ('http_server_config:\n  headers:\n    X-XSS-Protection: "a\\r\\nb"', "3: "
         "http_server_config.headers.X-XSS-Protection: only printable ASCII can be sent in a "
         "header"),
        ("http_server_config:\n  http2: true", "2: http_server_config.http2: HTTP/1.1 is spoken, "
         "no HTTP/2; write false or leave it out"),
        ("http_server_config:\n  http2: 0", "2: http_server_config.http2: HTTP/1.1 is spoken, "
         "no HTTP/2; write false or leave it out"),
        ("rate_limit:\n  interval: 1s\n  burst: 20", "2: rate_limit.interval: not supported; "
         "exporter.max_connections bounds the load"),
        ("basic_auth_users: alice", "1: basic_auth_users: must be keys with values, each on a line "
         "of its own, indented below it"),
        (f"basic_auth_users:\n  '': {HASH}", "2: basic_auth_users.: a user's name has no colon, no "
         "control character and is not empty"),
        (f"basic_auth_users:\n  a:b: {HASH}", "2: basic_auth_users.a:b: a user's name has no "
         "colon, no control character and is not empty"),
        (f"basic_auth_users:\n  a: {HASH}\n  a: {HASH}", "3: 'a' is given twice, first on line 2"),
        (f"basic_auth_users:\n  a: {HASH.replace('$10$', '$17$')}", "2: basic_auth_users.a: a "
         "bcrypt cost above 16 takes seconds for each request; make one with: htpasswd -nBC 10 "
         "NAME"),
    ],
)  # fmt: skip
def test_what_cannot_be_honoured_is_refused_by_name(
    refused_web: Refused, content: str, line: str
) -> None:
    assert refused_web(content)[0] == line


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("min_version: TLS10", "min_version: TLS10 is not served: it is no longer secure; write "
         "TLS12 or TLS13"),
        ("min_version: SSL3", "min_version: 'SSL3' is none of TLS13, TLS12"),
        ("max_version: 13", "max_version: 13 is none of TLS13, TLS12"),
        ("client_auth_type: RequireAnyClientCert", "client_auth_type: RequireAnyClientCert is not "
         "served: a certificate that nobody verifies proves nothing; write "
         "VerifyClientCertIfGiven or RequireAndVerifyClientCert"),
        ("client_auth_type: Always", "client_auth_type: 'Always' is none of NoClientCert, "
         "VerifyClientCertIfGiven, RequireAndVerifyClientCert"),
        ("cipher_suites: [TLS_AES_128_GCM_SHA256]", "cipher_suites: not supported; those of the "
         "system's OpenSSL are used"),
        ("curve_preferences: [X25519]", "curve_preferences: not supported; those of the system's "
         "OpenSSL are used"),
        ("client_allowed_sans: [prometheus]", "client_allowed_sans: not supported; sign the "
         "clients by a CA of their own"),
        ("prefer_server_cipher_suites: false", "prefer_server_cipher_suites: false is not "
         "supported; the server's order is used"),
        ("cert: PEM", "cert: not supported; use cert_file"),
        ("client_ca: PEM", "client_ca: not supported; use client_ca_file"),
    ],
)  # fmt: skip
def test_tls_that_cannot_be_served_is_refused_by_name(
    refused_web: Refused, tls: str, key: str, why: str
) -> None:
    assert refused_web(f"{tls}  {key}\n") == [f"4: tls_server_config.{why}"]


@pytest.mark.parametrize(
    ("section", "why"),
    [
        ("cert_file: a", "cert_file and key_file go together; one of them is missing"),
        ("min_version: TLS13", "TLS needs cert_file and key_file; without TLS leave it out"),
        ("{cert_file: a, key_file: b, client_ca_file: c}", "client_ca_file needs client_auth_type; "
         "write VerifyClientCertIfGiven or RequireAndVerifyClientCert"),
        ("{cert_file: a, key_file: b, client_auth_type: RequireAndVerifyClientCert}",
         "client_auth_type RequireAndVerifyClientCert needs client_ca_file"),
        ("{cert_file: a, key_file: b, min_version: TLS13, max_version: TLS12}",
         "min_version TLS13 is above max_version"),
    ],
)  # fmt: skip
def test_keys_of_tls_fit_each_other(refused_web: Refused, section: str, why: str) -> None:
    written = f"tls_server_config:\n  {section}\n"
    assert refused_web(written) == [f"1: tls_server_config: {why}"]


def test_a_file_that_cannot_be_read_is_told_with_its_line(
    refused_web: Refused, tls: str, tmp_path: Path
) -> None:
    (tmp_path / "server.key").unlink()
    assert refused_web(tls) == [
        f"3: tls_server_config.key_file: {str(tmp_path / 'server.key')!r} cannot be read: "
        "No such file or directory"
    ]


@pytest.mark.parametrize(
    "password",
    ["hunter2", "12345", "true", "[hunter2]", "{hunter2: x}", f"{HASH}x", HASH[:-1],
     HASH.replace("$2y$", "$2$"), HASH.replace("$10$", "$03$"), HASH.replace("$10$", "$32$"),
     f"' {HASH}'", f'"{HASH}\\n"'],
)  # fmt: skip
def test_what_is_no_hash_is_refused_and_not_shown(written: Written, password: str) -> None:
    path = written(f"basic_auth_users:\n  alice: {password}\n")
    with pytest.raises(ConfigError) as refusal:
        load_web_config(path)
    assert refusal.value.lines == (
        f"{path}:2: basic_auth_users.alice: this is not a bcrypt hash; "
        "make one with: htpasswd -nBC 10 NAME",
    )


def test_hashes_are_not_shown(loaded_web: LoadedWeb) -> None:
    assert HASH not in repr(loaded_web(f"basic_auth_users: {{alice: {HASH}}}"))


def test_a_key_in_the_place_of_its_file_is_not_shown(written: Written) -> None:
    path = written("tls_server_config:\n  key_file: '-----BEGIN PRIVATE KEY----- MIIEvQIBA'\n")
    with pytest.raises(ConfigError) as refusal:
        load_web_config(path)
    why = "tls_server_config.key_file: write the name of the file, not what is in it"
    assert refusal.value.lines == (f"{path}:2: {why}",)


@settings(max_examples=50)
@given(st.from_regex(_BCRYPT, fullmatch=True))
def test_what_is_taken_for_a_hash_is_one_for_bcrypt(text: str) -> None:
    # The cost is what takes time and has no part in the form.
    cheap = text[:4] + "04" + text[6:]
    assert bcrypt.checkpw(b"hunter2", cheap.encode()) in (True, False)
