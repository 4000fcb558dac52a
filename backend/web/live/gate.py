"""The door of the live connections: who may come in, and how many at once."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress

from engineio.socket import Socket
from werkzeug.sansio.utils import host_is_trusted
from werkzeug.wrappers import Request, Response

from backend.errors import AppError, BadRequest, Busy, Forbidden
from backend.settings import Settings
from backend.web.access import is_welcome
from backend.web.hang_up import hang_up_after
from backend.web.live.transport import ENTRY_TIMEOUT, is_handshake, is_polling
from backend.web.security import HEADERS
from backend.web.uploads import GRACE

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
        settings: `sockets`, `cors_origins`, `trusted_hosts`, `compat`.
        sessions: those of Engine.IO. Where `compat` is set they may begin by polling, as most
            clients do unless they are told otherwise; a WebSocket must follow within seconds.
    """

    def __init__(self, inside: Callable, settings: Settings, sessions: Mapping[str, Socket]):
        self._inside = inside
        self._sessions, self._polls = sessions, settings.compat
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
        request = Request(environ)
        try:
            line = self._enter(request)
        except AppError as error:
            return self._refusal(error, environ)(environ, start_response)
        try:
            if request.method == "OPTIONS":
                return self._leave(environ)(environ, start_response)
            if _is_websocket(request):
                return self._inside(environ, start_response)
            with hang_up_after(line, ENTRY_TIMEOUT + GRACE):
                return self._inside(environ, self._with_headers(environ, start_response))
        finally:
            with self._lock:
                self._open.discard(line)

    def count(self) -> int:
        """How many connections are open."""
        return len(self._sessions)

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
                raise _full()
            line = request.environ.get("gunicorn.socket")
            if line is None or not (_is_websocket(request) or self._is_poll(request)):
                raise BadRequest(WEBSOCKET_ALONE)
            self._open.add(line)
        return line

    def _is_poll(self, request: Request) -> bool:
        """Whether a request polls; raises Busy where it begins to and no place is left."""
        if not self._polls or request.args.get("transport") != "polling" or "j" in request.args:
            return False
        polling = sum(is_polling(each) for each in list(self._sessions.values()))
        if "sid" not in request.args and len(self._open) + polling >= self._most:
            raise _full()
        return True

    def _with_headers(self, environ: dict, start_response: Callable) -> Callable:
        """Have an answer to a poll carry the headers of all answers."""

        def start(status, headers, *more):
            return start_response(status, [*headers, *self._headers(environ).items()], *more)

        return start

    def _leave(self, environ: dict) -> Response:
        """Tell a script of a friend's that it may send a key, as CORS asks."""
        headers = self._headers(environ) | {
            "Access-Control-Allow-Methods": "GET, POST",
            "Access-Control-Allow-Headers": "Content-Type, X-API-Key",
        }
        return Response(status=204, headers=headers)

    def _headers(self, environ: dict) -> dict[str, str]:
        headers = HEADERS | {"Cache-Control": "no-store", "Vary": "Origin"}
        if environ.get("HTTP_ORIGIN") in self._friends:  # a script of theirs may read it
            headers["Access-Control-Allow-Origin"] = environ["HTTP_ORIGIN"]
        return headers

    def _refusal(self, error: AppError, environ: dict) -> Response:
        body = json.dumps({"status": "error", "error": error.detail})
        headers = self._headers(environ)
        if error.retry_after is not None:
            headers["Retry-After"] = str(error.retry_after)
        return Response(body, error.status, headers, mimetype="application/json")


def _is_websocket(request: Request) -> bool:
    """Whether a request opens a WebSocket, for both libraries: one knows it by the query alone."""
    return request.args.get("transport") == "websocket" and is_handshake(request.environ)


def _full() -> Busy:
    return Busy("All live connections are taken at the moment.")
