"""What the decoder process sends: length-prefixed JSON, each picture as raw bytes behind it."""

import json
import os
import struct


class Refused(Exception):
    """The file cannot be used. `code` is a key of the parent's table of refusals."""

    def __init__(self, code: str, detail: str = ""):
        super().__init__(code)
        self.code, self.detail = code, detail


class Wire:
    """The writing end. A message is a 4-byte big-endian length and that many bytes of JSON.

    `{"media": {...}}` comes first, then for each picture `{"frame": [height, width], "time": s}`
    followed by height * width * 3 bytes of RGB, then `{"end": true}`; at any place instead
    `{"refused": code, "detail": text}`, after which nothing follows.
    """

    def __init__(self, descriptor: int):
        self._descriptor = descriptor

    def media(self, **facts) -> None:
        """Send the facts of the file: the fields of `backend.records.Media`."""
        self._message({"media": facts})

    def frame(self, time: float, height: int, width: int, pixels) -> None:
        """Send one picture; `pixels` is a contiguous buffer of height * width * 3 bytes."""
        self._message({"frame": [height, width], "time": time})
        self._write(pixels)

    def refuse(self, code: str, detail: str = "") -> None:
        """Say why the file cannot be used."""
        self._message({"refused": code, "detail": detail})

    def end(self) -> None:
        """Say that all pictures were sent."""
        self._message({"end": True})

    def _message(self, content: dict) -> None:
        body = json.dumps(content).encode()
        self._write(struct.pack(">I", len(body)) + body)

    def _write(self, content) -> None:
        rest = memoryview(content).cast("B")
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
