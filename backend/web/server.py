"""Serves the application with gunicorn: one process, so one model and one queue; many threads."""

from __future__ import annotations

import os
import resource
import selectors
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.errors import AppImportError
from gunicorn.workers.gthread import ThreadWorker

from backend.errors import SetupError
from backend.models.model_file import read_config
from backend.settings import Settings
from backend.web.hang_up import hang_up_after

HEAD_TIMEOUT = 15  # s for all the lines before the body of a request
SEND_TIMEOUT = 10  # s in which a client must take a piece of an answer off our hands
PIECE = 32_768  # bytes; a phone that reads 20 kB/s, 5 MB in four minutes, is not hung up on
# Bytes that the kernel holds for a client. It takes more when a third of them are gone; the 4 MB
# that it would hold by itself are megabytes that a slow client must read within the timeout.
SEND_BUFFER = 131_072
CONNECTIONS = 256  # open at once, with kept ones; each is a file descriptor
LOAD_TIMEOUT = 300  # s; the first start converts the model


class Worker(ThreadWorker):
    """Gives back its jobs and ends the live connections when it is told to stop: their threads
    would wait for ever. Hangs up on those who send the head of a request, or read the answer, too
    slowly."""

    wsgi = None  # until the application is loaded

    def handle(self, conn):
        with hang_up_after(conn.sock, HEAD_TIMEOUT) as conn.head:
            return super().handle(conn)

    def handle_request(self, req, conn):
        conn.head.cancel()
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        conn.sock.settimeout(SEND_TIMEOUT)  # who receives a body or a WebSocket sets its own
        try:
            return super().handle_request(req, conn)
        except TimeoutError:
            return False  # nothing is kept for such a client, and nothing is wrong with us

    def finish_request(self, conn, future):
        if future.exception() or future.result():
            super().finish_request(conn, future)
        else:
            self._linger(conn)

    def _linger(self, conn) -> None:
        """Close a connection when its client has done so, or after the time of a kept-alive one.

        Closing at once with unread bytes in it resets it, and the end of the answer may be lost.
        gunicorn waits for one client after the other, in the thread that accepts all of them; in
        the threads of the requests, a few clients that wait could hold them all.
        """
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:  # it has ended already
            self._close(conn)
            return
        conn.sock.setblocking(False)
        conn.set_timeout()
        self.pending_conns.append(conn)  # those whose time is up are closed
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._drain, conn))

    def _drain(self, conn, sock: socket.socket) -> None:
        with suppress(OSError):  # it has ended already
            if sock.recv(PIECE):
                return
        self.poller.unregister(sock)
        self.pending_conns.remove(conn)
        self._close(conn)

    def _close(self, conn) -> None:
        self.nr_conns -= 1
        conn.close()

    def handle_exit(self, sig, frame) -> None:
        self._hang_up()
        super().handle_exit(sig, frame)

    def handle_quit(self, sig, frame) -> None:
        self._hang_up()
        super().handle_quit(sig, frame)

    def _hang_up(self) -> None:
        if self.wsgi is not None:
            self.wsgi.extensions["live"].close()
            self.wsgi.extensions["jobs"].leave()


class Server(BaseApplication):
    """Runs `create_app(settings)` in one gthread worker."""

    def __init__(self, settings: Settings):
        self._settings = settings
        super().__init__()

    @property
    def _threads(self) -> int:
        settings = self._settings
        return settings.threads + settings.concurrency + settings.queue + settings.sockets

    def load_config(self) -> None:
        settings = self._settings
        options = {
            "bind": _bind(settings),
            "worker_class": f"{__name__}.Worker",
            "workers": 1,
            # Analyses hold their threads; the pages must answer beside a full queue.
            # So do live connections, as long as they last.
            "threads": self._threads,
            "worker_connections": max(CONNECTIONS, 2 * self._threads),
            "timeout": LOAD_TIMEOUT,
            "graceful_timeout": 15,
            "loglevel": "warning",
            "control_socket_disable": True,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self):
        from backend import create_app

        try:
            app = create_app(self._settings)
        except SetupError as error:  # gunicorn prints the sentence of this one and stops
            raise AppImportError(f"error: {error}") from error
        app.wsgi_app = in_pieces(app.wsgi_app)
        print(f"Ready. Open {address(self._settings)} (Ctrl-C stops).", file=sys.stderr, flush=True)
        return app


def in_pieces(inside: Callable) -> Callable:
    """WSGI middleware that hands answers on in pieces.

    The timeout of a socket is for all that it is given at once: for a whole PDF, or for each of the
    8 kB that gunicorn reads of a file. So it asks of every client the same pace.
    """

    def application(environ, start_response):
        return _pieces(inside(environ, start_response))

    return application


def _pieces(answer: Iterable[bytes]) -> Iterator[bytes]:
    rest = bytearray()
    try:
        for part in answer:
            rest += part
            while len(rest) >= PIECE:
                yield bytes(rest[:PIECE])
                del rest[:PIECE]
        if rest:
            yield bytes(rest)
    finally:
        if hasattr(answer, "close"):
            answer.close()


def serve(settings: Settings) -> None:
    """Serve until stopped.

    Raises:
        SetupError: when the port is taken, the model is not whole, or the application cannot start.
    """
    _check_port(settings)
    read_config(settings.model, settings.ensemble)  # before anything listens
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print("Loading the model ...", file=sys.stderr, flush=True)
    master = os.getpid()
    try:
        Server(settings).run()
    except SystemExit as stop:
        # The forked worker leaves through here as well; its exit code is for the master to read.
        failed = stop.code in (Arbiter.APP_LOAD_ERROR, Arbiter.WORKER_BOOT_ERROR)
        if failed and os.getpid() == master:
            raise SetupError("The server could not start; the reason is above.") from None
        raise


def address(settings: Settings) -> str:
    """The URL to open in a browser on this machine."""
    local = settings.host in ("127.0.0.1", "0.0.0.0", "::", "::1", "localhost")
    return f"http://{'localhost' if local else settings.host}:{settings.port}"


def _bind(settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{host}:{settings.port}"


def _check_port(settings: Settings) -> None:
    """Say at once that the port is taken, where gunicorn would try again for seconds."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise SetupError(
                f"Cannot listen on {_bind(settings)}: {error.strerror}. "
                "Choose another port with DEEPFAKE_PORT."
            ) from None
