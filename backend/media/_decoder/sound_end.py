"""Tells whether the end of a sound file is missing, where its format can say so."""

import os
from typing import BinaryIO

_CLAIMING = ("flac", "m4a", "mp4", "mov", "3gp", "mkv", "webm", "wma", "wmv")
_SLACK = 1.0, 0.05  # s, and share of what a header claims, that may be missing
_PAGE = 65_307  # bytes of the longest page of Ogg
_LAST = 4  # flag of a page that ends its stream
_COUNTS = (b"Xing", b"Info", b"VBRI")  # in the first frame of an MP3 that knows how many it has
_OPEN = (0, 0xFFFFFFFF)  # lengths of a WAV that was written while nobody knew its end


def is_missing(job: dict, found: float, claimed: float) -> bool:
    """Whether a file of sound alone was cut off.

    Args:
        found, claimed: seconds that were decoded, and that the header names; 0 for none.
    """
    with open(job["path"], "rb") as stream:
        match job["format"]:
            case "ogg" | "opus" | "ogv":
                return not _is_ended(stream)
            case "wav":
                length = int.from_bytes(stream.read(8)[4:], "little")
                return length not in _OPEN and length + 8 > os.path.getsize(job["path"])
            case "mp3":
                claims = _counts_frames(stream)
            case form:
                claims = form in _CLAIMING
    return claims and claimed - found > max(_SLACK[0], _SLACK[1] * claimed)


def _is_ended(stream: BinaryIO) -> bool:
    stream.seek(-min(2 * _PAGE, stream.seek(0, os.SEEK_END)), os.SEEK_END)
    _, page, rest = stream.read().rpartition(b"OggS")
    return bool(page) and len(rest) > 1 and bool(rest[1] & _LAST)


def _counts_frames(stream: BinaryIO) -> bool:
    head = stream.read(10)
    if head[:3] == b"ID3":  # four bytes of seven bits
        stream.seek(10 + sum((byte & 127) << 7 * (3 - n) for n, byte in enumerate(head[6:])))
    first = stream.read(4096)
    return any(word in first for word in _COUNTS)
