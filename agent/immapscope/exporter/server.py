# SPDX-License-Identifier: GPL-2.0-or-later
"""The HTTP server, in a thread of its own: a bounded number of clients, none can stop it."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus

import h11

from immapscope.errors import UsageError
from immapscope.exporter.authentication import Authentication
from immapscope.exporter.connection import Connection, Timeouts
from immapscope.exporter.pages import Pages
from immapscope.exporter.routes import Reply, route, told
from immapscope.exporter.tls import Certificates
from immapscope.settings import Address, WebConfig

_log = logging.getLogger(__name__)

_BACKLOG = 128
_OPEN = WebConfig(tls=None, users={}, headers={})


@dataclass(slots=True)
class _Place:
    """One of the connections that there may be; `waiting` while it has asked for nothing."""

    waiting: bool
    since: float


class Server:
    """Serves `pages()` at `listen` from `start` to `stop`.

    `web` says TLS, users and further headers; None is plain HTTP for everybody. When there are
    `max_connections`, a new one takes the place of the one that has been waiting for a request, or
    been reading its reply, for longest; if all are busy and quick it is turned away with 503.

    Raises UsageError: here for certificates that cannot be used, in `start` for the address.
    """

    def __init__(
        self,
        listen: Address,
        pages: Callable[[], Pages],
        web: WebConfig | None = None,
        max_connections: int = 64,
        timeouts: Timeouts | None = None,
    ) -> None:
        web = web or _OPEN
        self._listen = listen
        self._pages = pages
        self._certificates = Certificates(web.tls) if web.tls else None
        self._authentication = Authentication(web.users)
        self._headers = web.headers
        self._most = max_connections
        self._timeouts = timeouts or Timeouts()
        self._places: dict[asyncio.Task[None], _Place] = {}
        self._started = threading.Event()

    def start(self) -> None:
        """Listens, and returns once connections are taken."""
        self._socket = _listening(self._listen)
        self.address = Address(*self._socket.getsockname()[:2])
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run()), name="exporter", daemon=True
        )
        self._thread.start()
        self._started.wait()

    def stop(self) -> None:
        """Closes the port and every connection; returns when the thread has ended, or had."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
        self._authentication.close()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        accepting = asyncio.create_task(self._accept())
        self._started.set()
        await self._stopping.wait()
        tasks = [accepting, *self._places]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._socket.close()

    async def _accept(self) -> None:
        while True:
            try:
                client, _ = await self._loop.sock_accept(self._socket)
            except OSError as error:
                _log.warning("a connection could not be accepted: %s", error)
                await asyncio.sleep(0.5)
                continue
            if len(self._places) >= self._most and not self._make_room():
                self._turn_away(client)
                continue
            place = _Place(True, self._loop.time())
            task = self._loop.create_task(self._serve(client, place))
            self._places[task] = place
            task.add_done_callback(partial(self._ended, client))

    def _ended(self, client: socket.socket, task: asyncio.Task[None]) -> None:
        # A task may be cancelled before it began, when nobody else has the socket.
        client.close()
        self._places.pop(task, None)
        if not task.cancelled() and (fault := task.exception()):
            _log.error("a connection ended by a fault of the exporter: %r", fault)

    def _make_room(self) -> bool:
        """Ends the connection that can best be spared, if there is one."""
        now = self._loop.time()
        spare = [
            (not place.waiting, place.since, task)
            for task, place in self._places.items()
            if place.waiting or now - place.since > self._timeouts.patience
        ]
        if not spare:
            return False
        *_, task = min(spare, key=lambda one: one[:2])
        task.cancel()
        del self._places[task]
        return True

    def _turn_away(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if self._certificates is None:
                client.send(
                    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
                    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
                )

    async def _serve(self, client: socket.socket, place: _Place) -> None:
        def changed(waiting: bool) -> None:
            place.waiting, place.since = waiting, self._loop.time()

        reader = asyncio.StreamReader(limit=64 * 1024)
        protocol = asyncio.StreamReaderProtocol(reader)
        context = self._certificates.context() if self._certificates else None
        try:
            transport, _ = await self._loop.connect_accepted_socket(
                lambda: protocol,
                client,
                ssl=context,
                ssl_handshake_timeout=self._timeouts.head if context else None,
                ssl_shutdown_timeout=self._timeouts.goodbye if context else None,
            )
        except OSError as error:
            # No client of ours, or one that went: its matter, not the operator's.
            _log.debug("a client failed at TLS: %s", error)
            return
        writer = asyncio.StreamWriter(transport, protocol, reader, self._loop)
        await Connection(reader, writer, self._answer, self._timeouts, changed).serve()

    async def _answer(self, request: h11.Request) -> Reply:
        headers: dict[str, str] = {}
        for name, value in request.headers:
            text, key = value.decode("latin-1"), name.decode("latin-1")
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
        if await self._authentication.admits(headers.get("authorization", "")):
            method, target = request.method.decode(), request.target.decode("latin-1")
            reply = route(method, target, headers, self._pages(), time.monotonic())
        else:
            reply = told(
                HTTPStatus.UNAUTHORIZED,
                "name and password, please",
                WWW_Authenticate='Basic realm="immapscope", charset="UTF-8"',
            )
        common = {"X-Content-Type-Options": "nosniff"}
        return replace(reply, headers=common | dict(reply.headers) | dict(self._headers))


def _listening(listen: Address) -> socket.socket:
    """Raises UsageError where the address cannot be listened on."""
    both = socket.has_dualstack_ipv6()
    try:
        family, *_, address = socket.getaddrinfo(
            # Without a host it is every address, of which :: is all where the machine has IPv6.
            listen.host or ("::" if both else "0.0.0.0"),
            listen.port,
            type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
        )[0]
        both = both and family is socket.AF_INET6
        found = socket.create_server(
            address[:2], family=family, backlog=_BACKLOG, dualstack_ipv6=both
        )
    except OSError as error:
        # Python says the address once more in what it calls strerror.
        resolving = isinstance(error, socket.gaierror)
        why = error.strerror if resolving or not error.errno else os.strerror(error.errno)
        raise UsageError(
            f"cannot listen on {listen}: {why}; exporter.listen in the configuration names the "
            "address"
        ) from error
    found.setblocking(False)
    return found
