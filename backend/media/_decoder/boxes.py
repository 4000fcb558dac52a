"""Reads the boxes of an MP4: whether its end is there, and in what its picture is stored."""

import os
from collections.abc import Callable, Iterator
from functools import wraps
from typing import BinaryIO

import av
import wire

_NEEDED = (b"moov", b"mdat", b"moof")  # what a clip cannot be without
_FORMATS = ("mp4", "mov", "3gp", "m4a")
_PROTECTED = {b"encv", b"enca", b"drmi", b"drms", b"encf"}  # in place of the codec, where is DRM
_WAY = (b"trak", b"mdia", b"minf", b"stbl", b"stsd")  # from the index to the descriptions


def minding_the_end(read: Callable[[dict, wire.Wire], dict]) -> Callable[[dict, wire.Wire], dict]:
    """Have a reader of clips refuse what is cut off, or note it where enough is left.

    Args:
        read: of a job; what it returns has "notes", a list.
    """

    @wraps(read)
    def minding(job: dict, out: wire.Wire) -> dict:
        incomplete = _lacks_end(job)
        try:
            told = read(job, out)
        except (wire.Refused, av.error.FFmpegError) as error:
            damaged = not isinstance(error, wire.Refused) or error.code == "damaged"
            if incomplete and damaged:
                raise wire.Refused("truncated") from error
            raise
        if incomplete and "incomplete" not in told["notes"]:
            told["notes"].append("incomplete")
        return told

    return minding


def _lacks_end(job: dict) -> bool:
    """Refuse an MP4 that is cut off or protected; returns whether a recording only lacks its end.

    Players overlook bytes after the last box that are none; so does this. In a file of fragments
    all that lie before the cut are whole.
    """
    if job["format"] not in _FORMATS:
        return False
    fragments = False
    size = os.path.getsize(job["path"])
    with open(job["path"], "rb") as stream:
        for kind, start, end in _boxes(stream, 0, size):
            if kind in _NEEDED and end > size:
                if fragments and kind != b"moov":
                    return True
                raise wire.Refused("truncated")
            if kind == b"moov" and any(
                each in _PROTECTED for each in _described(stream, start, end)
            ):
                raise wire.Refused("drm")
            fragments = fragments or kind == b"moof"
    return False


def _boxes(stream: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, where its content begins, where it ends) of the boxes between two places.

    The last one may end beyond `end`.
    """
    while end - start >= 8:
        stream.seek(start)
        head = stream.read(16)
        length, kind, content = int.from_bytes(head[:4], "big"), head[4:8], start + 8
        if length == 1:
            length, content = int.from_bytes(head[8:16], "big"), start + 16
        if length == 0:  # "to the end of the file"
            length = end - start
        if length < content - start:
            return
        yield kind, content, start + length
        start += length


def _described(stream: BinaryIO, start: int, end: int, depth: int = 0) -> Iterator[bytes]:
    """The kinds of the sample descriptions of an index: what its tracks are stored in."""
    for kind, inner, inner_end in _boxes(stream, start, end):
        if depth == len(_WAY):
            yield kind
        elif kind == _WAY[depth]:
            inner += 8 if kind == b"stsd" else 0  # version, flags and their number
            yield from _described(stream, inner, min(inner_end, end), depth + 1)
