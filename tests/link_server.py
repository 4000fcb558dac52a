"""A web server of the tests that serves a file, or misbehaves in the way that its path names."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class LinkServer(ThreadingHTTPServer):
    """Listens on 127.0.0.1.

    Attributes:
        content: what its files hold.
        asked: the paths of all requests.
        heads: their headers.
        moves: from a path, or its beginning, to the address that it is redirected to.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = b""
        self.asked: list[str] = []
        self.heads: list[dict[str, str]] = []
        self.moves: dict[str, str] = {}

    def address(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.server_port}{path}"


class _Handler(BaseHTTPRequestHandler):
    server: LinkServer

    def do_GET(self):
        server = self.server
        server.asked.append(self.path)
        server.heads.append(dict(self.headers))
        name = self.path.partition("?")[0].strip("/").partition("/")[0]
        with suppress(OSError):  # it was hung up on
            if self.path in server.moves:
                self._head(302, Location=server.moves[self.path])
            else:
                getattr(self, name.replace("-", "_"), self.file)()

    def file(self):
        self._head(200, **{"Content-Length": len(self.server.content)})
        self.wfile.write(self.server.content)

    def missing(self):
        self._head(404)
        self.wfile.write(b"nothing")

    def announces_too_much(self):
        self._head(200, **{"Content-Length": 10**12})
        self.wfile.write(b"x")

    def announces_more_than_it_sends(self):
        self._head(200, **{"Content-Length": 1_000})
        self.wfile.write(b"x")

    def announces_nothing_and_never_ends(self):
        self._head(200)
        while True:
            self.wfile.write(bytes(65_536))

    def is_compressed(self):
        self._head(200, **{"Content-Encoding": "gzip"})
        self.wfile.write(gzip.compress(bytes(3_000_000)))

    def says_nothing(self):
        time.sleep(30)

    def drips_its_head(self):
        self._drip(b"HTTP/1.1 200 OK\r\nX: " + bytes(1_000))

    def drips_its_body(self):
        self._head(200)
        self._drip(bytes(1_000))

    def is_no_http(self):
        self.wfile.write(b"220 mail.example ESMTP\r\n" * 10)

    def _head(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()

    def _drip(self, data):
        for byte in data:
            self.wfile.write(bytes([byte]))
            time.sleep(0.1)

    def log_message(self, *_):
        pass


@contextmanager
def serving() -> Iterator[LinkServer]:
    with LinkServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()
