"""Writes a picture once more without what keeps it from being read though browsers show it.

Metadata is left out, and an end that is missing is put there. Nothing here is done to a picture
that can be read as it is.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import NamedTuple

import wire
from PIL import Image, ImageChops, ImageFile

MOST_MISSING = 0.05  # of the height of a picture; browsers leave these rows grey
_EOI = b"\xff\xd9"
_NEEDED = {0xE0, 0xEE, *range(0xC0, 0xD0), *range(0xDB, 0xE0)}  # JFIF, Adobe, tables and frames
_PNG = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT"}
_WEBP = {b"VP8X", b"ALPH", b"VP8 ", b"VP8L", b"ANIM", b"ANMF"}
_EXIF = re.compile(rb"(?:II\*\0|MM\0\*)")


class Mended(NamedTuple):
    """A picture that was written once more: its bytes, codes of what is to be noted of it (those of
    `backend.media.checks.NOTES`), and its orientation, 1 to 8."""

    data: bytes
    notes: list[str]
    turn: int


def mended(job: dict) -> Mended | None:
    """What can be made of the picture `job["path"]`; None where nothing can be done.

    Raises:
        wire.Refused: too much of it is missing.
    """
    if job["format"] not in _MENDERS:
        return None
    with open(job["path"], "rb") as stream:
        data = stream.read()
    found = _MENDERS[job["format"]](data)
    return found and Mended(*found)


def _jpeg(data: bytes):
    kept, turn, at = [data[:2]], 1, 2
    while True:
        if data[at : at + 1] != b"\xff" or at + 4 > len(data):
            return None
        mark, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if mark == 0xFF:  # filling
            at += 1
            continue
        if mark == 0xDA:  # from here on there are pixels, and tables between them
            break
        segment = data[at : at + 2 + length]
        if mark in _NEEDED or segment[4:16] == b"ICC_PROFILE\0":
            kept.append(segment)
        elif mark == 0xE1 and segment[4:8] == b"Exif":
            turn = orientation(segment)
        at += 2 + length
    pixels = data[at:]
    whole = b"".join([*kept, pixels])
    if _EOI in pixels:
        return whole, ["metadata_damaged"], turn
    if _missing(whole) > MOST_MISSING:
        raise wire.Refused("truncated")
    return whole + _EOI, ["incomplete"], turn


def _missing(jpeg: bytes) -> float:
    """The part of its height that a JPEG without an end lacks; less than a row of blocks is none.

    A progressive one has all rows, coarsely, as soon as each last refinement has begun.
    """
    with Image.open(BytesIO(jpeg + _EOI)) as ended:
        if ended.info.get("progressive"):
            return 0.0 if _is_refined(jpeg) else 1.0
        with Image.open(BytesIO(jpeg)) as cut:
            ImageFile.LOAD_TRUNCATED_IMAGES = True
            cut.load_read = cut.fp.read  # Pillow would end it: so, what it lacks stays black
            try:
                for picture in (ended, cut):
                    picture.draft(None, (picture.width // 4, picture.height // 4))
                    picture.load()
            finally:
                ImageFile.LOAD_TRUNCATED_IMAGES = False
            changed = ImageChops.difference(ended, cut).getbbox()
        rows = ended.height - changed[1] if changed else 0
        return 0.0 if rows <= 16 * ended.height / _height(jpeg) else rows / ended.height


def _height(jpeg: bytes) -> int:
    with Image.open(BytesIO(jpeg)) as image:
        return image.height


def _is_refined(jpeg: bytes) -> bool:
    """Whether the scans of a progressive JPEG reach each coefficient's last bit."""
    seen, done = set(), set()
    for found in re.finditer(rb"\xff\xda", jpeg):
        count = jpeg[found.end() + 2 : found.end() + 3]
        scan = jpeg[found.end() + 3 :][: 2 * count[0] + 3] if count else b""
        if len(scan) < 5:
            continue
        parts, (last, bits) = scan[:-3:2], scan[-2:]
        seen |= set(parts)
        if last == 63 and bits & 15 == 0:
            done |= set(parts)
    return bool(seen) and seen == done


def _png(data: bytes):
    kept, turn, at, notes = [data[:8]], 1, 8, ["incomplete"]
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        chunk = data[at : at + 12 + length]
        if name == b"eXIf":
            turn = orientation(chunk)
        if len(chunk) < 12 + length and name == b"IDAT":
            part = chunk[4:]
            sizes = len(part) - 4, zlib.crc32(part)
            kept.append(struct.pack(">I", sizes[0]) + part + struct.pack(">I", sizes[1]))
        elif name in _PNG or name == b"iCCP" and _is_sound(chunk):
            kept.append(chunk)
        at += 12 + length
        if name == b"IEND":
            notes = ["metadata_damaged"]
            break
    if notes == ["incomplete"] and _missing_rows(kept) > MOST_MISSING:
        raise wire.Refused("truncated")
    return b"".join(kept), notes, turn


def _is_sound(chunk: bytes) -> bool:
    return zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big")


def _missing_rows(chunks: list[bytes]) -> float:
    """The part of its pixels that a PNG lacks; all of one that is interlaced."""
    width, height, bits, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", chunks[1], 8)
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 4)
    expected = height * (1 + (width * bits * channels + 7) // 8)
    unpacker, found = zlib.decompressobj(), 0
    for chunk in chunks:
        if chunk[4:8] == b"IDAT":
            found += sum(map(len, _unpacked(unpacker, chunk[8:-4], expected)))
    return 1.0 if interlaced else 1 - found / expected


def _unpacked(unpacker, data: bytes, most: int) -> Iterator[bytes]:
    step = 1 << 20
    while data and most > 0:
        part = unpacker.decompress(data, step)
        data, most = unpacker.unconsumed_tail, most - len(part)
        yield part


def _webp(data: bytes):
    kept, turn, at = [], 1, 12
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        chunk = data[at : at + 8 + length + length % 2]
        if name == b"EXIF":
            turn = orientation(chunk)
        elif name in _WEBP:
            kept.append(chunk)
        at += 8 + length + length % 2
    if kept and kept[0][:4] == b"VP8X":  # neither profile nor metadata
        kept[0] = kept[0][:8] + bytes([kept[0][8] & 0x12]) + kept[0][9:]
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body, ["metadata_damaged"], turn


_MENDERS = {"jpeg": _jpeg, "png": _png, "webp": _webp}


def orientation(data: bytes) -> int:
    """The orientation, 1 to 8, in the bytes of an EXIF block of which nothing else may be sound."""
    found = _EXIF.search(data)
    if not found:
        return 1
    order = "<" if data[found.start() : found.start() + 1] == b"I" else ">"
    tiff = data[found.start() :]
    try:
        (first,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, first)
        for entry in range(min(count, 512)):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, first + 2 + 12 * entry)
            if (tag, kind) == (0x0112, 3):
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1
