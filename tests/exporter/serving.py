# SPDX-License-Identifier: GPL-2.0-or-later
"""A server with fixed pages, and clients of it, polite and otherwise."""

from __future__ import annotations

import gzip
import http.client
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final, NamedTuple

from immapscope.exporter import Pages, Server, Timeouts
from immapscope.settings import Address, WebConfig

#: Larger than what the kernel takes for a client that does not read.
LARGE: Final = b"x" * 16_000_000
TEXT: Final = gzip.compress(b"text", mtime=0)
OPENMETRICS: Final = gzip.compress(b"open", mtime=0)
SMALL_PAGES: Final = Pages(TEXT, 4, OPENMETRICS, 4, b"<html>", 1e12)
ANYWHERE: Final = Address("127.0.0.1", 0)
QUICK: Final = Timeouts(head=0.4, idle=0.4, reply=0.4, goodbye=0.3)


@cache
def large_pages() -> Pages:
    """LARGE as text; made where it is asked for, since it takes a while."""
    text = gzip.compress(LARGE, compresslevel=1, mtime=0)
    return Pages(text, len(LARGE), OPENMETRICS, 4, b"<html>", 1e12)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


@contextmanager
def serving(
    pages: Pages = SMALL_PAGES,
    web: WebConfig | None = None,
    max_connections: int = 64,
    timeouts: Timeouts | None = None,
) -> Iterator[Server]:
    server = Server(ANYWHERE, lambda: pages, web, max_connections, timeouts)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def ask(server: Server, target: str = "/metrics", method: str = "GET", **headers: str) -> Answer:
    """One request on a connection of its own."""
    client = http.client.HTTPConnection(server.address.host, server.address.port, timeout=20)
    return _asked(client, method, target, headers)


def ask_over_tls(server: Server, context: ssl.SSLContext, **headers: str) -> Answer:
    client = http.client.HTTPSConnection(
        server.address.host, server.address.port, timeout=20, context=context
    )
    return _asked(client, "GET", "/metrics", headers)


def _asked(
    client: http.client.HTTPConnection, method: str, target: str, headers: dict[str, str]
) -> Answer:
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        client.request(method, target, headers=named)
        reply = client.getresponse()
        return Answer(reply.status, dict(reply.getheaders()), reply.read())
    finally:
        client.close()


def basic(name: str, password: str) -> str:
    """The value of an Authorization header."""
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


def connected(server: Server, receive_buffer: int | None = None) -> socket.socket:
    client = socket.socket()
    client.settimeout(20)
    if receive_buffer is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.connect((server.address.host, server.address.port))
    return client


def all_of(client: socket.socket) -> bytes:
    """What comes until the server closes or resets the connection."""
    received = b""
    try:
        while more := client.recv(65536):
            received += more
    except ConnectionResetError:
        pass
    return received


def said(server: Server, words: bytes) -> bytes:
    """What a server answers to these bytes until it closes."""
    with connected(server) as client:
        client.sendall(words)
        return all_of(client)
