# SPDX-License-Identifier: GPL-2.0-or-later
"""Who is paged: an HTTP server that keeps what an Alertmanager sends it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


@dataclass(frozen=True, slots=True)
class Notice:
    """One alert as it was sent: `firing` or resolved."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    firing: bool

    @property
    def name(self) -> str:
        """Which alert it is."""
        return self.labels["alertname"]


class Pager:
    """Listens on loopback while its `with` block lasts, and remembers every notice in order."""

    def __init__(self) -> None:
        self._arrived = threading.Condition()
        self._notices: list[Notice] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """What an Alertmanager is told to post to."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    @property
    def notices(self) -> list[Notice]:
        """All that came so far."""
        with self._arrived:
            return list(self._notices)

    def wait_for(self, wanted: Callable[[Notice], bool], seconds: float) -> Notice | None:
        """The first notice that is wanted, also one from before; None if none comes in time."""
        deadline = time.monotonic() + seconds
        with self._arrived:
            while True:
                found = next((one for one in self._notices if wanted(one)), None)
                left = deadline - time.monotonic()
                if found is not None or left <= 0:
                    return found
                self._arrived.wait(left)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _take(self, body: bytes) -> None:
        notices = [
            Notice(one["labels"], one["annotations"], one["status"] == "firing")
            for one in json.loads(body)["alerts"]
        ]
        with self._arrived:
            self._notices += notices
            self._arrived.notify_all()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                take(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *words: object) -> None:
                """Nothing."""

        return Handler
