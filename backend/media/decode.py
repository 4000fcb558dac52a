"""Opens uploads: has them decoded in a process of their own and hands on their frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from backend.errors import CannotDecode
from backend.media.channel import LONG_SIDE, ROOM, Link, is_count, is_time
from backend.media.checks import file_facts
from backend.media.process import DecoderProcess, ForkServer
from backend.records.media import FileFacts, Frame, Media, Upload
from backend.settings import Settings

PROGRAM = Path(__file__).with_name("_decoder")
ASK = b"+"  # asks for a reduced still at its full size, as in `_decoder/wire.py`


class Decoder:
    """Decodes uploads, each in a process of its own with limits. Thread-safe.

    Args:
        settings: limits.
    """

    def __init__(self, settings: Settings):
        self._settings = settings
        self._server = ForkServer(PROGRAM)

    @contextmanager
    def open(self, upload: Upload, on_wait: Callable[[], None] = lambda: None) -> Iterator[Clip]:
        """Start decoding; leaving the block kills the process.

        Args:
            upload: what `backend.media.intake.check` returned.
            on_wait: called a few times a second while the decoder is waited for, in the thread
                that opens or iterates; what it raises is passed on.

        Raises:
            CannotDecode, TooSlow: while opening or later, while iterating; so may be TooManyPixels.
            NoVideo, TooLong, TooManyPixels, TypeMismatch, UnsupportedCodec: while opening.
            AppError, OSError: no process could be started, or the one that forks them ended.
        """
        with closing(self.start()) as process:
            yield Clip(process, upload, self._settings, on_wait)

    def start(self, room: int = ROOM) -> DecoderProcess:
        """A decoder process that has no job yet, which is the caller's to close.

        Args:
            room: bytes of the memory shared with it.

        Raises:
            OSError: there is no memory, or no descriptor, left.
        """
        return self._server.start(room)


class Clip:
    """An open upload: `media` tells what it is; iterating it once yields its frames.

    Attributes:
        media: what the decoder found.
        facts: what it found beside the pictures; there once all frames were yielded, and with the
            frame of a still.
        reduced: whether `finer` has the still that was yielded larger.
    """

    media: Media
    facts: FileFacts
    reduced = False

    def __init__(
        self,
        process: DecoderProcess,
        upload: Upload,
        settings: Settings,
        on_wait: Callable[[], None],
    ):
        self._process, self._upload, self._settings = process, upload, settings
        self._link = Link(process, settings, on_wait)
        self._link.send_job(
            path=str(upload.path.absolute()),
            format=upload.format,
            kind=upload.kind,
            moments=settings.moments,
            max_duration=settings.max_duration,
        )
        self.media = self._media(self._link.message())

    def __iter__(self) -> Iterator[Frame]:
        """Yield at most `settings.moments` frames, in order of time.

        Raises:
            CannotDecode: the rest is damaged, or the decoder died or sent nonsense.
            TooManyPixels: a later frame has more pixels than the limit.
            TooSlow: the decoder took longer than `settings.decode_timeout` in all; the time that
                the caller spends on the frames does not count.
        """
        if self.media.type == "image":
            frame = Frame(0, *self._link.picture(self._link.message(), 0, 0.0)[::-1])
            self._end(self._link.message())
            yield frame
            return
        latest = 0.0
        for index in range(self._settings.moments):
            message = self._link.message()
            if message.get("end") is True:
                break
            image, latest = self._link.picture(message, index, latest)
            yield Frame(index=index, time=latest, image=image)
        else:
            message = self._link.message()
        self._end(message)

    @property
    def finest(self) -> tuple[int, int]:
        """Width and height in px of the largest pictures that can be had of it, rounded down."""
        width, height = self.media.width, self.media.height
        share = min(1.0, LONG_SIDE / max(width, height))
        return int(width * share), int(height * share)

    def finer(self) -> Frame:
        """The still that was yielded, at its full size; once, where it is `reduced`.

        Raises:
            CannotDecode, TooSlow: as while iterating.
        """
        self._link.send(ASK)
        image, moment = self._link.picture(self._link.message(), 1, 0.0)
        return Frame(0, moment, image)

    def _end(self, message: dict) -> None:
        if message.get("end") is not True:
            raise CannotDecode
        self.facts = file_facts(message)
        self.reduced = self.media.type == "image" and message.get("reduced") is True

    def stop(self) -> None:
        """Kill the decoder, from any thread: whoever waits for it finds its end."""
        self._process.kill()

    def _media(self, message: dict) -> Media:
        """Check the decoder's facts: it read hostile bytes and may no longer be itself."""
        facts = message.get("media")
        if not isinstance(facts, dict) or set(facts) != set(Media.__slots__):
            raise CannotDecode
        codec, frames = facts["codec"], facts["frames"]
        sizes = facts["width"], facts["height"]
        sound = (
            facts["type"] in ("image", "video")
            and facts["format"] == self._upload.format
            and isinstance(codec, str)
            and codec.isalnum()
            and len(codec) <= 20
            and all(is_count(size, most=1_000_000) for size in sizes)
            and (frames is None or is_count(frames, most=1_000_000))
            and all(is_time(facts[name], 1e9) for name in ("duration", "fps") if facts[name])
        )
        if not sound:
            raise CannotDecode
        return Media(**facts)
