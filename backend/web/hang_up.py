"""Hangs up on a connection whose other end takes too long, whoever waits for it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def hang_up_after(line: socket.socket | None, seconds: float) -> Iterator[threading.Timer]:
    """Shut a connection down unless the block ends, or its timer is cancelled, in time.

    The timeout of a socket counts from the last byte: who sends one now and then passes it for
    ever. Whoever reads from the connection finds its end.

    Args:
        line: None is no connection, as in tests without a server.
        seconds: for the whole block.
    """
    timer = threading.Timer(seconds, _hang_up, (line,))
    timer.daemon = True
    if line is not None:
        timer.start()
    try:
        yield timer
    finally:
        timer.cancel()


def _hang_up(line: socket.socket) -> None:
    with suppress(OSError):  # it has ended already
        line.shutdown(socket.SHUT_RDWR)
