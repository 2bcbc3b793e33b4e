"""A service that apprise speaks to: its plain JSON, https://appriseit.com/services/json/, at a real server.

apprise makes its own connections, so this one listens on a port of this machine, in a thread.
"""

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kwatch.clock import Clock
from kwatch.testing.vendors import CANARY, Shown


class Apprise:
    """Takes title, text and kind from who knows its path."""

    keys: Mapping[str, Any] = {"url": {"file": "url"}}

    def __init__(self, clock: Clock) -> None:
        self.documents: list[Mapping[str, str]] = []
        self.statuses: list[int] = []  # of the next answers, in place of its own
        self.is_open = threading.Event()  # while it is not set, nothing is answered
        self.is_open.set()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port: int = free.getsockname()[1]

    @property
    def secrets(self) -> Mapping[str, str]:
        """The address, in apprise's words."""
        return {"url": f"json://127.0.0.1:{self._port}/{CANARY}"}

    @contextmanager
    def serve(self) -> Iterator[None]:
        """Answer while the context is open."""
        server = ThreadingHTTPServer(("127.0.0.1", self._port), self._handler())
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def shown(self) -> list[Shown]:
        """Return what was told."""
        texts = [f"{document['title']}\n{document['message']}" for document in self.documents]
        return [Shown(id=str(number), text=text.replace("\u200b", "")) for number, text in enumerate(texts)]

    def take(self, path: str, body: bytes) -> int:
        """Keep a document; return the status of the answer."""
        self.is_open.wait()
        if self.statuses:
            return self.statuses.pop(0)
        if path != f"/{CANARY}":
            return 401
        self.documents.append(json.loads(body))
        return 200

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                status = vendor.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(status)
                self.send_header("Location", f"/{CANARY}")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
