"""What one live connection holds."""

from __future__ import annotations

import threading

from backend.analysis.live_camera import Camera
from backend.web.live.chunked_upload import ChunkedUpload


class Client:
    """A connection and what it holds, to be changed by who holds its `turn`.

    Attributes:
        sid: its name in Socket.IO.
        sender: who it is to the queue.
        over: it has ended and must be given nothing more.
        fetches: a link is fetched for it.
        heard: when it last sent a picture, by the monotonic clock.
        watch: runs while it holds something.
    """

    def __init__(self, sid: str, sender: str):
        self.sid, self.sender = sid, sender
        self.turn = threading.Lock()
        self.over = False
        self.upload: ChunkedUpload | None = None
        self.camera: Camera | None = None
        self.fetches = False
        self.heard = 0.0
        self.watch: threading.Timer | None = None
