# SPDX-License-Identifier: GPL-2.0-or-later
"""The keys of exporter-toolkit's web configuration, and which values of each are taken."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, PlainValidator, model_validator

from immapscope.config.errors import quoted
from immapscope.config.fields import FilePath, words
from immapscope.config.sections import Section

#: Two to the power of the cost is how often bcrypt hashes: seconds for each request beyond this.
_DEAREST: Final = 16
_BCRYPT = re.compile(
    r"\$2[abxy]\$(?P<cost>0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}"
)

_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")


def _only(*taken: object, because: str) -> PlainValidator:
    """A key whose value says what is done anyway; any other is refused, unseen."""

    def check(value: object) -> object:
        # True is 1 in Python, but not in YAML.
        if not any(type(value) is type(one) and value == one for one in taken):
            raise ValueError(because)
        return value

    return PlainValidator(check)


def _nothing_as(empty: object) -> BeforeValidator:
    return BeforeValidator(lambda value: empty if value is None else value)


def _one_of(known: dict[str, str | None], why: str) -> Callable[[object], object]:
    """A word of the format: those that are not served map to what to do instead."""

    def check(value: object) -> object:
        if not isinstance(value, str) or value not in known:
            served = ", ".join(word for word, instead in known.items() if instead is None and word)
            raise ValueError(f"{quoted(value)} is none of {served}")
        if instead := known[value]:
            raise ValueError(f"{value} is not served: {why}; {instead}")
        return value

    return check


_VERSIONS: Final[dict[str, str | None]] = {
    "TLS13": None,
    "TLS12": None,
    "TLS11": "write TLS12 or TLS13",
    "TLS10": "write TLS12 or TLS13",
}
_VERIFY: Final = "write VerifyClientCertIfGiven or RequireAndVerifyClientCert"
_CLIENT_AUTH: Final[dict[str, str | None]] = {
    "NoClientCert": None,
    "VerifyClientCertIfGiven": None,
    "RequireAndVerifyClientCert": None,
    "RequestClientCert": _VERIFY,
    "RequireAnyClientCert": _VERIFY,
    "RequireClientCert": _VERIFY,
}

Version = Annotated[
    Literal["TLS12", "TLS13"], BeforeValidator(_one_of(_VERSIONS, "it is no longer secure"))
]
ClientAuth = Annotated[
    Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"],
    BeforeValidator(_one_of(_CLIENT_AUTH, "a certificate that nobody verifies proves nothing")),
    BeforeValidator(lambda value: "NoClientCert" if value in ("", None) else value),
]


def _user(name: object) -> str:
    if not isinstance(name, str) or not name or ":" in name or not name.isprintable():
        raise ValueError("a user's name has no colon, no control character and is not empty")
    return name


def _hash(value: object) -> bytes:
    match = _BCRYPT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("this is not a bcrypt hash; make one with: htpasswd -nBC 10 NAME")
    if int(match["cost"]) > _DEAREST:
        raise ValueError(
            f"a bcrypt cost above {_DEAREST} takes seconds for each request; "
            "make one with: htpasswd -nBC 10 NAME"
        )
    return match[0].encode()


class TlsSection(Section):
    """TLS is served where `cert_file` and `key_file` are named."""

    cert_file: FilePath | None = None
    key_file: FilePath | None = None
    client_auth_type: ClientAuth = "NoClientCert"
    client_ca_file: FilePath | None = None
    min_version: Version = "TLS12"
    max_version: Version = "TLS13"
    cert: Annotated[Any, _only("", None, because="not supported; use cert_file")] = None
    key: Annotated[Any, _only("", None, because="not supported; use key_file")] = None
    client_ca: Annotated[Any, _only("", None, because="not supported; use client_ca_file")] = None
    client_allowed_sans: Annotated[
        Any, _only((), None, because="not supported; sign the clients by a CA of their own")
    ] = None
    cipher_suites: Annotated[
        Any, _only((), None, because="not supported; those of the system's OpenSSL are used")
    ] = None
    prefer_server_cipher_suites: Annotated[
        Any, _only(True, None, because="false is not supported; the server's order is used")
    ] = True
    curve_preferences: Annotated[
        Any, _only((), None, because="not supported; those of the system's OpenSSL are used")
    ] = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        named = self.cert_file is not None, self.key_file is not None
        if any(named) and not all(named):
            raise ValueError("cert_file and key_file go together; one of them is missing")
        if self.model_fields_set and not all(named):
            raise ValueError("TLS needs cert_file and key_file; without TLS leave it out")
        verifies = self.client_auth_type != "NoClientCert"
        if verifies and self.client_ca_file is None:
            raise ValueError(f"client_auth_type {self.client_auth_type} needs client_ca_file")
        if not verifies and self.client_ca_file is not None:
            raise ValueError(f"client_ca_file needs client_auth_type; {_VERIFY}")
        if self.min_version > self.max_version:
            raise ValueError(f"min_version {self.min_version} is above max_version")
        return self


def _header(*taken: str) -> PlainValidator:
    """A header's value, one of `taken` if there are any; an empty one is not sent."""

    def check(value: object) -> str:
        text = "" if value is None else words(value, "write a text")
        if text and taken and text not in taken:
            raise ValueError(f"{quoted(text)} is not {' or '.join(taken)}")
        if not _HEADER_VALUE.fullmatch(text):
            raise ValueError("only printable ASCII can be sent in a header")
        return text

    return PlainValidator(check)


class HeadersSection(Section):
    """What exporter-toolkit allows (web/handler.go)."""

    content_security_policy: Annotated[str, _header(), Field(alias="Content-Security-Policy")] = ""
    strict_transport_security: Annotated[
        str, _header(), Field(alias="Strict-Transport-Security")
    ] = ""
    x_content_type_options: Annotated[
        str, _header("nosniff"), Field(alias="X-Content-Type-Options")
    ] = ""
    x_frame_options: Annotated[
        str, _header("deny", "sameorigin"), Field(alias="X-Frame-Options")
    ] = ""
    x_xss_protection: Annotated[str, _header(), Field(alias="X-XSS-Protection")] = ""


class HttpSection(Section):
    """How responses are sent."""

    http2: Annotated[
        Any, _only(False, because="HTTP/1.1 is spoken, no HTTP/2; write false or leave it out")
    ] = False
    headers: HeadersSection = HeadersSection()


class RateLimit(Section):
    """Not offered: connections are bounded instead."""

    interval: Annotated[
        Any, _only(0, "0", "0s", because="not supported; exporter.max_connections bounds the load")
    ] = 0
    burst: Annotated[int, _nothing_as(0)] = 0


class WebFile(Section):
    """The whole file."""

    tls_server_config: TlsSection = TlsSection()
    http_server_config: HttpSection = HttpSection()
    basic_auth_users: Annotated[
        dict[Annotated[str, PlainValidator(_user)], Annotated[bytes, PlainValidator(_hash)]],
        _nothing_as({}),
    ] = Field(default_factory=dict)
    rate_limit: RateLimit = RateLimit()
