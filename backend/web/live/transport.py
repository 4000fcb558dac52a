"""WebSockets that no client can use to fill our memory or to hold our threads."""

from __future__ import annotations

import queue
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import engineio
import simple_websocket
import socketio
from engineio.async_drivers._websocket_wsgi import SimpleWebSocketWSGI
from engineio.socket import Socket as Session
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection
from wsproto.extensions import PerMessageDeflate
from wsproto.utilities import ProtocolError

MOST_MESSAGE = 500_000
"""Bytes of one message from a client."""

MOST_READ_AHEAD = 4  # messages of a client that wait for their handler; then it is not read from
MOST_WAITING = 64  # messages that wait for a client; one more, and it is hung up on
SEND_BUFFER = 65_536  # bytes that the kernel holds for a client
SEND_TIMEOUT = 10  # s in which a client must take something off our hands
ENTRY_TIMEOUT = 10.0  # s until a connection must have been let in, and be no polling any more


class Packet(socketio.packet.Packet):
    """A Socket.IO packet with one binary part at most: the parts are collected in memory."""

    def decode(self, encoded_packet):
        parts = super().decode(encoded_packet)
        if parts and parts > 1:
            raise ValueError("too many binary parts")
        return parts


def bound(server: socketio.Server) -> None:
    """Give a server the bounded connections and queues of this module.

    The library has no option for them; its version is pinned, and the tests hold on to this.
    """
    engine = server.eio

    def is_in(eio_sid: str) -> bool:
        return server.manager.sid_from_eio_sid(eio_sid, "/") is not None

    engine._async = engine._async | {"websocket": partial(_Driver, is_in), "queue": _Outgoing}
    enter = engine.handlers["connect"]

    def connect(sid: str, environ: dict):
        timer = threading.Timer(ENTRY_TIMEOUT, _end_polling, (engine, sid))
        timer.daemon = True
        timer.start()
        return enter(sid, environ)

    engine.on("connect", connect)


def is_polling(session: Session) -> bool:
    """Whether a session has not gone on to a WebSocket."""
    return not (session.upgraded or session.closed)


def _end_polling(engine: engineio.Server, sid: str) -> None:
    session = engine.sockets.get(sid)
    if session is not None and is_polling(session):
        session.close(wait=False, abort=True)


def is_handshake(environ: dict) -> bool:
    """Whether a request opens a WebSocket, in the eyes of the library that will answer it.

    It raises over what does not, when the connection is already counted as made.
    """
    fields = {name[5:].replace("_", "-"): environ[name] for name in environ if name[:5] == "HTTP_"}
    head = ["GET / HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    trial = WSConnection(ConnectionType.SERVER)
    try:
        trial.receive_data("\r\n".join(head).encode())
        trial.send(AcceptConnection(extensions=[PerMessageDeflate()]))
    except (ProtocolError, ValueError):
        return False
    return True


class _Outgoing(queue.Queue):
    """Messages on their way to a client; when there are too many, it is hung up on instead."""

    def put(self, item, block=True, timeout=None):
        with self.mutex:
            if len(self.queue) >= MOST_WAITING:
                self.unfinished_tasks -= len(self.queue)
                self.queue.clear()
                item = None  # ends the thread that sends
        super().put(item, block, timeout)

    def join(self):
        """Wait for nothing: a client that polls no more would hold who ends its session."""


class _Driver(SimpleWebSocketWSGI):
    """Runs one connection in the thread of its request."""

    def __init__(self, is_in: Callable[[str], bool], handler, server):
        super().__init__(handler, server)
        self._is_in = partial(is_in, handler.__self__.sid)

    def __call__(self, environ, start_response):
        line = _Line(environ["gunicorn.socket"])
        self.ws = _WebSocket(environ | {"gunicorn.socket": line})
        entry = threading.Timer(ENTRY_TIMEOUT, lambda: self._is_in() or line.hang_up())
        entry.daemon = True
        entry.start()
        try:
            self.app(self)
        finally:
            entry.cancel()
            line.hang_up()
        raise StopIteration  # gunicorn's sign that this connection is no HTTP any more


class _WebSocket(simple_websocket.Server):
    """Reads no more from a client than its handlers keep up with."""

    def __init__(self, environ: dict):
        self._changed = threading.Condition()
        super().__init__(
            environ,
            receive_bytes=16384,
            max_message_size=MOST_MESSAGE,
            thread_class=partial(threading.Thread, daemon=True),
        )

    def receive(self, timeout=None):
        message = super().receive(timeout)
        with self._changed:
            self._changed.notify()
        return message

    def close(self, reason=None, message=None):
        # The thread that reads would take a bare close back: it sets `connected` once more.
        try:
            super().close(reason, message)
        finally:
            self.sock.hang_up()

    def _handle_events(self):
        going_on = super()._handle_events()
        with self._changed:
            while going_on and self.connected and len(self.input_buffer) >= MOST_READ_AHEAD:
                self._changed.wait(1.0)  # `connected` changes without a word
        return going_on


class _Line:
    """A TCP socket that sends whole messages, one at a time, or hangs up."""

    def __init__(self, sock: socket.socket):
        # Not settimeout: it would end the waiting for a silent client too.
        sock.settimeout(None)
        timeout = struct.pack("ll", SEND_TIMEOUT, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self._sock, self._sending = sock, threading.Lock()
        self.recv, self.fileno = sock.recv, sock.fileno
        self.close = self.hang_up  # the server closes it, and may be watching it until then

    def send(self, data: bytes) -> int:
        with self._sending:
            try:
                self._sock.sendall(data)
            except OSError:
                self.hang_up()
                raise BrokenPipeError from None
        return len(data)

    def hang_up(self) -> None:
        with suppress(OSError):  # it has ended already
            self._sock.shutdown(socket.SHUT_RDWR)
