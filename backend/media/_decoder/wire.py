"""What the decoder process sends: length-prefixed JSON; pictures lie in memory that is shared."""

import json
import os
import struct

SLOTS = 2  # pictures that the shared memory holds
ASK = b"+"  # the parent's byte that asks for a reduced still at its full size


class Refused(Exception):
    """The file cannot be used. `code` is a key of the parent's table of refusals."""

    def __init__(self, code: str, detail: str = ""):
        super().__init__(code)
        self.code, self.detail = code, detail


class Wire:
    """The writing end. A message is a 4-byte big-endian length and that many bytes of JSON.

    `{"media": {...}}` comes first, then for each picture `{"frame": [height, width], "time": s,
    "turn": [transpose, mirror left-right, mirror up-down]}`, then `{"end": true, ...}` with what
    the reader found beside them; at any place
    instead `{"refused": code, "detail": text}`, after which nothing follows. After an end with
    `"reduced": true` the parent may ask for the picture at its full size.

    The pixels of picture n, height * width * 3 bytes of RGB, lie in slot n % SLOTS of the shared
    memory. The parent sends one byte for each picture that it has copied away.

    Of sound there is only the end, with `"sound": {"samples": n, ...}`: n numbers of float32, mono,
    which lie in the shared memory from its start.

    Args:
        messages: file descriptor written to.
        room: the shared memory, writable.
        receipts: file descriptor that the parent's bytes are read from.

    Attributes:
        began: whether anything was sent.
    """

    def __init__(self, messages: int, room, receipts: int):
        self._messages, self._receipts = messages, receipts
        self._room, self._slot = memoryview(room), len(room) // SLOTS
        self._sent = self._taken = 0
        self._filled = 0  # bytes of sound
        self.began = False  # whether anything was sent

    def media(self, **facts) -> None:
        """Send the facts of the file: the fields of `backend.records.media.Media`."""
        self._message({"media": facts})

    def frame(self, time: float, height: int, width: int, parts, turn=(False,) * 3) -> None:
        """Send one picture.

        Args:
            time: seconds.
            height, width: px as stored, before `turn`.
            parts: buffers that together are its rows of RGB, without gaps.
            turn: whether to swap the axes, then to mirror left-right, then up-down.
        """
        while self._sent - self._taken >= SLOTS:
            if not os.read(self._receipts, 1):
                raise BrokenPipeError
            self._taken += 1
        place = self._sent % SLOTS * self._slot
        for part in parts:
            self._room[place : place + len(part)] = part
            place += len(part)
        self._sent += 1
        self._message({"frame": [height, width], "time": time, "turn": list(turn)})

    def sound(self, samples) -> int:
        """Put samples behind those that are there already.

        Args:
            samples: buffer of float32.

        Returns:
            How many they are.

        Raises:
            Refused: there is no room left: the sound is longer than the limit.
        """
        data = memoryview(samples)
        end = self._filled + len(data)
        if end > len(self._room):
            raise Refused("long_sound")
        self._room[self._filled : end] = data
        self._filled = end
        return len(data) // 4

    def taken(self) -> None:
        """Note that the parent has said elsewhere that it has copied every picture away."""
        self._taken = self._sent

    def is_asked(self) -> bool:
        """Whether the parent wants the picture larger: waits for its `ASK`, or for its end."""
        while (said := os.read(self._receipts, 1)) not in (b"", ASK):
            pass
        return said == ASK

    def refuse(self, code: str, detail: str = "") -> None:
        """Say why the file cannot be used."""
        self._message({"refused": code, "detail": detail})

    def end(self, **facts) -> None:
        """Say that all pictures were sent, and what was found beside them."""
        self._message({"end": True, **facts})

    def _message(self, content: dict) -> None:
        self.began = True
        body = json.dumps(content).encode()
        rest = memoryview(struct.pack(">I", len(body)) + body)
        while rest:
            rest = rest[os.write(self._messages, rest) :]
