# SPDX-License-Identifier: GPL-2.0-or-later
"""The server serves everybody who behaves, and nobody who does not can keep it from that."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from immapscope.errors import ImmapscopeError
from immapscope.exporter import Server, Timeouts
from immapscope.settings import Address, WebConfig
from tests.exporter.serving import (
    LARGE,
    OPENMETRICS,
    QUICK,
    SMALL_PAGES,
    all_of,
    ask,
    connected,
    large_pages,
    said,
    serving,
)

GET = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
GET_AND_CLOSE = b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def test_a_scrape_is_answered() -> None:
    with serving() as server:
        answer = ask(server)
        assert (answer.status, answer.body) == (200, b"text")
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Length"] == "4"
        assert "Date" in answer.headers
        zipped = ask(server, Accept="application/openmetrics-text", Accept_Encoding="gzip")
        assert (zipped.body, zipped.headers["Content-Encoding"]) == (OPENMETRICS, "gzip")


def test_head_has_the_headers_of_get_and_no_body() -> None:
    with serving() as server:
        answer = ask(server, method="HEAD")
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["Content-Length"] == "4"


def test_a_large_page_arrives_whole() -> None:
    with serving(large_pages()) as server:
        assert ask(server).body == LARGE


def test_one_connection_serves_many_requests_also_sent_at_once() -> None:
    with serving() as server, connected(server) as client:
        client.sendall(GET * 3 + GET_AND_CLOSE)
        assert all_of(client).count(b"HTTP/1.1 200 ") == 4


def test_fifty_clients_at_once_are_all_served() -> None:
    with serving() as server:
        together = threading.Barrier(50)

        def client(_: int) -> int:
            together.wait()
            return ask(server).status

        with ThreadPoolExecutor(50) as clients:
            assert list(clients.map(client, range(50))) == [200] * 50


def test_a_body_is_not_read_but_answered() -> None:
    with serving() as server:
        posted = said(
            server, b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\nhalf"
        )
        assert posted.startswith(b"HTTP/1.1 405 ")
        assert b"\r\nallow: get, head\r\n" in posted.lower()


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
        (b"GET /metrics\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 431),
    ],
)
def test_what_is_not_a_request_is_refused(words: bytes, status: int) -> None:
    with serving() as server:
        assert said(server, words).startswith(f"HTTP/1.1 {status} ".encode())
        assert ask(server).status == 200


def test_a_request_that_comes_too_slowly_is_told_so() -> None:
    with serving(timeouts=QUICK) as server:
        assert said(server, b"GET /metrics HT").startswith(b"HTTP/1.1 408 ")


def test_a_connection_without_a_request_is_closed() -> None:
    with serving(timeouts=QUICK) as server:
        assert said(server, b"") == b""
        answered = said(server, GET)
        assert answered.startswith(b"HTTP/1.1 200 ")
        assert answered.endswith(b"text")


def test_a_client_that_does_not_read_is_dropped() -> None:
    with serving(large_pages(), timeouts=QUICK) as server:
        with connected(server, receive_buffer=4096) as client:
            client.sendall(GET)
            time.sleep(QUICK.reply + 0.4)
            assert len(all_of(client)) < len(LARGE)
        assert ask(server, Accept_Encoding="gzip").body == large_pages().text_gzip


def test_idle_connections_make_room_for_a_new_one() -> None:
    with serving(max_connections=4) as server, ExitStack() as stack:
        idle = [stack.enter_context(connected(server)) for _ in range(20)]
        for client in idle[:10]:
            client.sendall(b"GET /metr")
        for _ in range(8):
            assert ask(server).status == 200


def test_clients_that_do_not_read_make_room_after_a_while() -> None:
    impatient = Timeouts(patience=0.5)
    with (
        serving(large_pages(), max_connections=2, timeouts=impatient) as server,
        ExitStack() as stack,
    ):
        for _ in range(2):
            client = stack.enter_context(connected(server, receive_buffer=4096))
            client.sendall(GET)
            assert client.recv(10)
        assert said(server, b"").startswith(b"HTTP/1.1 503 ")
        time.sleep(0.7)
        assert ask(server, Accept_Encoding="gzip").status == 200


def test_further_headers_go_with_every_reply() -> None:
    web = WebConfig(tls=None, users={}, headers={"X-Frame-Options": "deny"})
    with serving(web=web) as server:
        assert ask(server).headers["X-Frame-Options"] == "deny"
        assert ask(server, "/nothing").headers["X-Frame-Options"] == "deny"


def test_a_port_in_use_is_one_clear_error() -> None:
    with serving() as server, pytest.raises(ImmapscopeError) as raised:
        Server(server.address, lambda: SMALL_PAGES).start()
    assert str(raised.value) == (
        f"cannot listen on 127.0.0.1:{server.address.port}: Address already in use; "
        "exporter.listen in the configuration names the address"
    )


def test_an_address_of_another_machine_is_one_clear_error() -> None:
    with pytest.raises(ImmapscopeError, match=r"cannot listen on 192\.0\.2\.1:0: "):
        Server(Address("192.0.2.1", 0), lambda: SMALL_PAGES).start()


def test_after_stop_the_port_is_free_and_open_connections_are_closed() -> None:
    with serving() as server:
        client = connected(server)
        client.sendall(GET)
        assert client.recv(100)
    with client:
        all_of(client)
    again = Server(server.address, lambda: SMALL_PAGES)
    again.start()
    again.stop()


def test_without_a_host_it_is_every_address_of_the_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answering(server: Server, host: str) -> bool:
        with socket.create_connection((host, server.address.port), timeout=5) as client:
            client.sendall(GET)
            return client.recv(12) == b"HTTP/1.1 200"

    both = socket.has_dualstack_ipv6()
    hosts = ["127.0.0.1", "::1"] if both else ["127.0.0.1"]
    for hosts_of_machine in (hosts, ["127.0.0.1"]):
        server = Server(Address("", 0), lambda: SMALL_PAGES)
        server.start()
        try:
            assert all(answering(server, host) for host in hosts_of_machine)
        finally:
            server.stop()
        # As on a machine that was booted with ipv6.disable=1.
        monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)


def test_it_listens_on_ipv6_too() -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    server = Server(Address("::1", 0), lambda: SMALL_PAGES)
    try:
        server.start()
    except ImmapscopeError as error:
        pytest.skip(f"this machine has no ::1: {error}")
    try:
        assert ask(server).status == 200
    finally:
        server.stop()
