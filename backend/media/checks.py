"""Checks what a decoder process says of a file: it read hostile bytes and may not be itself."""

from __future__ import annotations

from backend.errors import CannotDecode
from backend.media.channel import is_count, is_time
from backend.records.media import FileFacts, Note

MOST, NAME, VALUE = 60, 60, 200  # entries; characters of a name and of a value, as in `metadata.py`
NOTES = {
    "clock_jumps": "The clock of the clip jumps. Times count only what is shown.",
    "hdr": "The clip is HDR. It was judged as ordinary screens show it.",
    "incomplete": "The end of the file is missing. It was judged as far as it goes.",
    "metadata_damaged": "Notes within the file (metadata) are damaged and were overlooked.",
}
"""What a decoder may note, by code."""


def file_facts(message: dict) -> FileFacts:
    """The facts in the decoder's last message.

    Raises:
        CannotDecode: they are not what a decoder sends.
    """
    metadata, container = message.get("metadata"), message.get("container")
    gap, bits = message.get("gap"), message.get("bits_per_pixel")
    quality, notes = message.get("jpeg_quality"), message.get("notes", [])
    sound = (
        is_list(metadata, MOST)
        and all(is_list(entry, 2) and len(entry) == 2 for entry in metadata)
        and all(is_text(name, NAME) and is_text(value, VALUE) for name, value in metadata)
        and (container is None or isinstance(container, dict) and len(container) <= MOST)
        and all(is_text(k, NAME) and is_text(v, VALUE) for k, v in (container or {}).items())
        and (gap is None or is_list(gap, 2) and len(gap) == 2 and all(is_time(v, 1e9) for v in gap))
        and (bits is None or is_time(bits, 1e9))
        and (quality is None or is_count(quality, most=100))
        and is_list(notes, len(NOTES))
        and all(isinstance(code, str) and code in NOTES for code in notes)
    )
    if not sound:
        raise CannotDecode
    pairs = tuple((name, value) for name, value in metadata)
    told = tuple(Note(code, NOTES[code]) for code in notes)
    return FileFacts(pairs, container, tuple(gap) if gap else None, bits, quality, told)


def is_list(value: object, most: int) -> bool:
    """Whether a decoder's value is a list of at most `most` entries."""
    return isinstance(value, list) and len(value) <= most


def is_text(value: object, most: int) -> bool:
    """Whether a decoder's value is a line of 1 to `most` printable characters."""
    return isinstance(value, str) and 0 < len(value) <= most and value.isprintable()
