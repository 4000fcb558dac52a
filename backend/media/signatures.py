"""Tells by the first bytes of a file what lies in it: the signs that the table of formats names."""

from __future__ import annotations

from collections.abc import Callable

Sign = Callable[[bytes], bool]
"""Whether the head of a file, its first `HEAD` bytes, is that of one format."""

HEAD = 4096

_QUICKTIME_ATOMS = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
_BMP_HEADER_SIZES = {12, 16, 40, 52, 56, 64, 108, 124}
_OGG_PICTURES = (b"\x80theora", b"OVP80", b"BBCD\0", b"\x01video\0\0\0")
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_SOUND = bytes.fromhex("409e69f84d5bcf11a8fd00805f5c442b")  # the types of its streams
_ASF_PICTURES = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")
_PACKETS = (188, 192, 204)  # bytes of MPEG-TS as broadcast, on discs and cards, with parity
_FEWEST_PACKETS = 3


def begins(*beginnings: bytes, at: int = 0) -> Sign:
    """Its bytes from `at` are one of these."""
    return lambda head: head[at:].startswith(beginnings)


def riff(*kinds: bytes) -> Sign:
    """A RIFF file of one of these kinds, of 4 bytes."""
    return lambda head: head[:4] == b"RIFF" and head[8:12] in kinds


def says(*words: str) -> Sign:
    """A text that begins with one of these words, in whatever case, after white space."""
    beginnings = tuple(word.lower().encode() for word in words)
    return lambda head: head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(beginnings)


def ebml(kind: bytes) -> Sign:
    """Matroska or WebM, by the DocType element (0x4282) of the EBML header."""

    def fits(head: bytes) -> bool:
        start = head.find(b"\x42\x82", 4, 256)
        if head[:4] != b"\x1aE\xdf\xa3" or start < 0:
            return False
        length = int.from_bytes(head[start + 2 : start + 3], "big") & 0x7F
        return head[start + 3 : start + 3 + length].rstrip(b"\0") == kind

    return fits


def brand(*brands: bytes) -> Sign:
    """An ISO media file (MP4, HEIC ...) of a brand that begins so; of none, any such file.

    Some pictures call themselves pictures first, and what they are only among their other brands.
    """

    def fits(head: bytes) -> bool:
        if head[4:8] != b"ftyp":
            return False
        end = min(int.from_bytes(head[:4], "big"), len(head))
        main, others = head[8:12], [head[at : at + 4] for at in range(16, end - 3, 4)]
        named = [main, *others] if main in (b"mif1", b"msf1", b"miaf") else [main]
        return not brands or any(name.startswith(brands) for name in named)

    return fits


def quicktime(head: bytes) -> bool:
    """A QuickTime file older than the `ftyp` atom."""
    return head[4:8] in _QUICKTIME_ATOMS


def bitmap(head: bytes) -> bool:
    """A Windows or OS/2 bitmap; texts may begin with BM, too."""
    return head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES


def ogg(head: bytes) -> bool:
    """Ogg with pictures: every stream begins with what it holds, before the first goes on."""
    return head[:4] == b"OggS" and any(name in head for name in _OGG_PICTURES)


def opus(head: bytes) -> bool:
    """Ogg whose first stream is Opus."""
    return head[:4] == b"OggS" and b"OpusHead" in head[:64]


def mpeg_sound(head: bytes) -> bool:
    """MP2 or MP3: the header of a first frame that names a layer, a rate and a bit rate."""
    return (
        head[:1] == b"\xff"
        and len(head) > 2
        and head[1] & 0xE0 == 0xE0
        and head[1] & 0x18 != 0x08  # a version
        and head[1] & 0x06 in (0x02, 0x04)  # layer III or II
        and head[2] & 0xF0 not in (0x00, 0xF0)
        and head[2] & 0x0C != 0x0C
    )


def asf_of_sound(head: bytes) -> bool:
    """Windows Media whose streams, as far as they are seen, are all sound."""
    return head.startswith(_ASF) and _ASF_SOUND in head and _ASF_PICTURES not in head


def asf_of_pictures(head: bytes) -> bool:
    """Any other Windows Media."""
    return head.startswith(_ASF) and not asf_of_sound(head)


def transport_stream(head: bytes) -> bool:
    """MPEG-TS: a sync byte in each packet, also where a recording begins within one."""
    for size in _PACKETS:
        for start in range(size):
            every = head[start::size]
            if len(every) >= _FEWEST_PACKETS and every.count(0x47) == len(every):
                return len(set(head)) > 1  # not a text of nothing but this letter
    return False


def digital_video(head: bytes) -> bool:
    """Raw DV: the header block of a first sequence, of 525 or of 625 lines."""
    return head[:3] == b"\x1f\x07\x00" and head[3:4] in (b"\x3f", b"\xbf")


def zeros(head: bytes) -> bool:
    """Nothing but zeros: what a copy that broke off leaves on some disks."""
    return bool(head) and not any(head)
