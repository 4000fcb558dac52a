"""Looks for C2PA Content Credentials beside the decoding, and has them read in a process."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from backend.errors import AppError
from backend.media.checks import NAME, VALUE, is_list, is_text
from backend.media.side_job import SideJob
from backend.records.media import Action, Credentials, Origin

FORMATS = frozenset({"jpeg", "png", "gif", "tiff", "webp", "heic", "avif", "mp4", "mov", "avi"})
PATIENCE = 10.0  # s for one manifest; reading one takes a tenth of a second
_BEGINNING = b"jumdc2pa"  # of every manifest store: a JUMBF description box and its type
_CHUNK = 1 << 20  # bytes read at once
_ROOM = 4096  # bytes of shared memory, which no manifest needs


class OriginReader(SideJob):
    """Iterate it once: it yields one `Origin`, whatever the file contains.

    The file is only hashed and searched here. Where a manifest begins in it, a process with the
    decoder's limits, and without the network, reads it.
    """

    def __iter__(self) -> Iterator[Origin]:
        sha256, embedded = self._search()
        embedded = embedded and self.upload.format in FORMATS
        yield Origin(sha256, embedded, self._read() if embedded else None)

    def _search(self) -> tuple[str, bool]:
        digest, found, tail = hashlib.sha256(), False, b""
        with self.upload.path.open("rb") as file:
            while not self.stopped and (chunk := file.read(_CHUNK)):
                digest.update(chunk)
                found = found or _BEGINNING in tail + chunk
                tail = chunk[-len(_BEGINNING) :]
        return digest.hexdigest(), found

    def _read(self) -> Credentials | None:
        try:
            with self.answer("manifest", _ROOM, decode_timeout=PATIENCE) as (message, _):
                return _credentials(message.get("manifest"))
        except AppError as error:
            if type(error) is AppError:  # not the file's doing
                raise
            return None  # damaged, hostile or too slow: the reader is told, the analysis goes on


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
