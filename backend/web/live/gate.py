"""The door of the live connections: who may come in, and how many at once."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from werkzeug.sansio.utils import host_is_trusted
from werkzeug.wrappers import Request, Response

from backend.errors import AppError, BadRequest, Busy, Forbidden
from backend.settings import Settings
from backend.web.access import is_welcome
from backend.web.live.transport import is_handshake
from backend.web.security import HEADERS

PATH = "/socket.io"
WEBSOCKET_ALONE = (
    "This address is for WebSocket connections. Polling is not supported: tell your Socket.IO "
    'client transports: ["websocket"].'
)


class Door:
    """WSGI middleware around Socket.IO, which does not pass through Flask's own checks.

    A refusal is an HTTP answer like any other of the API's. Browsers hide it from a script whose
    WebSocket failed; a plain GET of the same address gets the same one.

    Args:
        inside: the application with Socket.IO.
        settings: `sockets`, `cors_origins`, `trusted_hosts`.
    """

    def __init__(self, inside: Callable, settings: Settings):
        self._inside = inside
        self._most = settings.sockets
        self._friends = frozenset(settings.cors_origins)
        self._hosts = settings.trusted_hosts
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._closed = False

    def __call__(self, environ, start_response):
        path = environ.get("PATH_INFO", "")
        if path != PATH and not path.startswith(f"{PATH}/"):
            return self._inside(environ, start_response)
        try:
            line = self._enter(Request(environ))
        except AppError as error:
            return self._refusal(error, environ)(environ, start_response)
        try:
            return self._inside(environ, start_response)
        finally:
            with self._lock:
                self._open.discard(line)

    def close(self) -> None:
        """Hang up on everybody, because the server stops; nobody comes in any more."""
        with self._lock:
            self._closed = True
            lines = list(self._open)
        for line in lines:
            with suppress(OSError):  # it has ended already
                line.shutdown(socket.SHUT_RDWR)

    def _enter(self, request: Request) -> socket.socket:
        if self._hosts and not host_is_trusted(request.host, self._hosts):
            raise BadRequest()
        if not is_welcome(request.headers.get("Origin"), request.host, self._friends):
            raise Forbidden()
        with self._lock:
            if self._closed or len(self._open) >= self._most:
                raise Busy("All live connections are taken at the moment.")
            line = request.environ.get("gunicorn.socket")
            if line is None or not is_handshake(request.environ):
                raise BadRequest(WEBSOCKET_ALONE)
            self._open.add(line)
        return line

    def _refusal(self, error: AppError, environ: dict) -> Response:
        body = json.dumps({"status": "error", "error": error.detail})
        headers = HEADERS | {"Cache-Control": "no-store", "Vary": "Origin"}
        if error.retry_after is not None:
            headers["Retry-After"] = str(error.retry_after)
        if environ.get("HTTP_ORIGIN") in self._friends:  # a script of theirs may read it
            headers["Access-Control-Allow-Origin"] = environ["HTTP_ORIGIN"]
        return Response(body, error.status, headers, mimetype="application/json")
