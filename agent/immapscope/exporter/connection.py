# SPDX-License-Identifier: GPL-2.0-or-later
"""One client: requests and replies in turn by HTTP/1.1, each step with a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

import h11

from immapscope.exporter.routes import Reply, told

#: The largest head of a request, bytes.
LARGEST_HEAD: Final = 16 * 1024
_READ = 4 * 1024
#: As much of a reply is in memory for a client that reads slowly.
_WRITE = 64 * 1024
#: What a client may still send after a reply that ends the connection.
_MOST_IGNORED = 256 * 1024

Answer = Callable[[h11.Request], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: for the head of a request, between two, for a whole reply, for a goodbye.

    A reply that takes longer than `patience` may have to make room for a new client.
    """

    head: float = 10.0
    idle: float = 120.0
    reply: float = 30.0
    patience: float = 2.0
    goodbye: float = 1.0


class Connection:
    """`waiting` while no whole request is there, `since` when that or its contrary began."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answer: Answer,
        timeouts: Timeouts,
        changed: Callable[[bool], None],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._answer = answer
        self._timeouts = timeouts
        self._changed = changed
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=LARGEST_HEAD)
        # So that `drain` waits until all is with the kernel.
        writer.transport.set_write_buffer_limits(high=1, low=0)

    async def serve(self) -> None:
        """Until the client goes, is too slow, or may not stay. Closes the stream."""
        try:
            # A timeout is an OSError, too.
            with suppress(OSError):
                allowed = self._timeouts.head
                while await self._exchange(allowed):
                    allowed = self._timeouts.idle
                await self._say_goodbye()
        finally:
            self._writer.transport.abort()

    async def _exchange(self, allowed: float) -> bool:
        """One request and its reply; whether another may follow."""
        self._changed(True)
        try:
            request = await self._request(allowed)
            if request is None:
                return False
            self._changed(False)
            async with asyncio.timeout(self._timeouts.reply):
                await self._send(await self._answer(request), request.method)
        except h11.RemoteProtocolError as error:
            await self._refuse(HTTPStatus(error.error_status_hint), str(error))
            return False
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    async def _request(self, allowed: float) -> h11.Request | None:
        """None where the client has gone, or never began; a slow one is told so."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + allowed
        begun = bool(self._http.trailing_data[0])
        while True:
            event = self._http.next_event()
            if isinstance(event, h11.Request):
                return event
            if event is not h11.NEED_DATA:
                return None
            try:
                async with asyncio.timeout_at(deadline):
                    self._http.receive_data(await self._reader.read(_READ))
            except TimeoutError:
                if begun:
                    await self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the request is too slow")
                return None
            if not begun:
                begun = True
                deadline = min(deadline, loop.time() + self._timeouts.head)

    async def _refuse(self, status: HTTPStatus, why: str) -> None:
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            async with asyncio.timeout(self._timeouts.reply):
                await self._send(told(status, why), b"GET")

    async def _send(self, reply: Reply, method: bytes) -> None:
        headers = [
            *reply.headers.items(),
            ("Content-Length", str(reply.length)),
            ("Date", formatdate(usegmt=True)),
        ]
        if not self._request_is_whole():
            headers.append(("Connection", "close"))
        head = h11.Response(status_code=reply.status, headers=headers, reason=reply.status.phrase)
        self._write(head)
        if method != b"HEAD":
            for piece in reply.pieces(_WRITE):
                self._write(h11.Data(data=piece))
                await self._writer.drain()
        self._write(h11.EndOfMessage())
        await self._writer.drain()

    def _request_is_whole(self) -> bool:
        """Nobody has anything to send us: a request with a body is the last of its connection."""
        if self._http.their_state is h11.SEND_BODY:
            with suppress(h11.RemoteProtocolError):
                self._http.next_event()
        return self._http.their_state is h11.DONE

    def _write(self, event: h11.Event) -> None:
        self._writer.write(self._http.send(event) or b"")

    async def _say_goodbye(self) -> None:
        """Reads what the client still sends, since closing over it would take back the reply."""
        async with asyncio.timeout(self._timeouts.goodbye):
            if self._writer.can_write_eof():
                self._writer.write_eof()
            ignored = 0
            while ignored < _MOST_IGNORED and (more := await self._reader.read(_READ)):
                ignored += len(more)
            self._writer.close()
            await self._writer.wait_closed()
