"""Looks for C2PA Content Credentials beside the decoding, and has them read in a process."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator

from backend.errors import AppError
from backend.media.channel import Link
from backend.media.checks import NAME, VALUE, is_list, is_text
from backend.media.decode import Decoder
from backend.media.process import DecoderProcess
from backend.records.media import Action, Credentials, Origin, Upload
from backend.settings import Settings

FORMATS = frozenset({"jpeg", "png", "gif", "tiff", "webp", "heic", "avif", "mp4", "mov", "avi"})
PATIENCE = 10.0  # s for one manifest; reading one takes a tenth of a second
_BEGINNING = b"jumdc2pa"  # of every manifest store: a JUMBF description box and its type
_CHUNK = 1 << 20  # bytes read at once
_ROOM = 4096  # bytes of shared memory, which no manifest needs


class OriginReader:
    """Iterate it once: it yields one `Origin`, whatever the file contains. For one thread.

    The file is only hashed and searched here. Where a manifest begins in it, a process with the
    decoder's limits, and without the network, reads it.

    Args:
        upload: passed intake.
        decoder: starts the process.
        settings: the limits.
        on_wait: called a few times a second while the process is waited for; what it raises is
            passed on.
    """

    def __init__(
        self,
        upload: Upload,
        decoder: Decoder,
        settings: Settings,
        on_wait: Callable[[], None] = lambda: None,
    ):
        self._upload, self._decoder, self._on_wait = upload, decoder, on_wait
        self._settings = settings.model_copy(update={"decode_timeout": PATIENCE})
        self._lock = threading.Lock()
        self._process: DecoderProcess | None = None
        self._stopped = False

    def __iter__(self) -> Iterator[Origin]:
        sha256, embedded = self._search()
        embedded = embedded and self._upload.format in FORMATS
        yield Origin(sha256, embedded, self._read() if embedded else None)

    def stop(self) -> None:
        """End it early, from any thread."""
        with self._lock:
            self._stopped = True
            if self._process:
                self._process.kill()

    def _search(self) -> tuple[str, bool]:
        digest, found, tail = hashlib.sha256(), False, b""
        with self._upload.path.open("rb") as file:
            while not self._stopped and (chunk := file.read(_CHUNK)):
                digest.update(chunk)
                found = found or _BEGINNING in tail + chunk
                tail = chunk[-len(_BEGINNING) :]
        return digest.hexdigest(), found

    def _read(self) -> Credentials | None:
        with self._lock:
            if self._stopped:
                return None
            self._process = self._decoder.start(_ROOM)
        try:
            link = Link(self._process, self._settings, self._on_wait)
            path = str(self._upload.path.absolute())
            link.send_job(kind="manifest", path=path, format=self._upload.format)
            return _credentials(link.message().get("manifest"))
        except AppError as error:
            if type(error) is AppError:  # not the file's doing
                raise
            return None  # damaged, hostile or too slow: the reader is told, the analysis goes on
        finally:
            self._process.close()


def _credentials(facts: object) -> Credentials | None:
    """Check what the process says."""
    if not isinstance(facts, dict):
        return None
    texts = [facts.get(name) for name in ("signer", "time", "maker")]
    actions, ingredients = facts.get("actions"), facts.get("ingredients")
    sound = (
        type(facts.get("valid")) is bool
        and all(text is None or is_text(text, VALUE) for text in texts)
        and type(ingredients) is int
        and is_list(actions, 100)
        and all(isinstance(action, dict) for action in actions)
    )
    if not sound:
        return None
    parts = [[action.get(name) for name in Action.__slots__] for action in actions]
    if not all(part is None or is_text(part, NAME) for action in parts for part in action):
        return None
    return Credentials(facts["valid"], *texts, ingredients, tuple(Action(*each) for each in parts))
