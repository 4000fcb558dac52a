"""The door: knows a file by its content, refuses what is empty, too large or unlike its name."""

from __future__ import annotations

from pathlib import Path, PurePath

from backend.errors import EmptyFile, TooLarge, TypeMismatch, UnsupportedType
from backend.media.formats import EXTENSIONS, IMAGES
from backend.records.media import Upload
from backend.settings import Settings

# Formats whose content is also welcome under another format's extension: MP4 is QuickTime's child
# and cameras mix the two names; WebM is a subset of Matroska.
_ALSO = {"mp4": {"mov"}, "mov": {"mp4"}, "mkv": {"webm"}}

_HEAD = 4096  # bytes read for sniffing
_SIGNATURES = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"FLV\x01", "flv"),
)
_QUICKTIME_ATOMS = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
_PICTURE_BRANDS = {b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1", b"avif", b"avis", b"crx "}
_BMP_HEADER_SIZES = {12, 16, 40, 52, 56, 64, 108, 124}

# What people send by mistake, named so that the refusal tells them what they sent.
_FOREIGN = (
    (b"#EXTM3U", "a playlist"),
    (b"ffconcat", "a playlist"),
    (b"[playlist]", "a playlist"),
    (b"<!doctype html", "a web page (HTML)"),
    (b"<html", "a web page (HTML)"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML document"),
    (b"PK\x03\x04", "a ZIP archive or office document"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF document"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
    (b"OggS", "an Ogg file"),
    (b"ID3", "an MP3 sound file"),
)


def check(path: Path, label: str, settings: Settings) -> Upload:
    """Decide by the first bytes of `path` what it is, and whether that agrees with `label`.

    Args:
        path: the stored file; only its size and first 4096 bytes are read.
        label: the user's own name for the file; its extension must agree with the content.
        settings: `max_upload_mb` is the limit, in units of 1,000,000 bytes.

    Returns:
        The upload, whose `format` is what was sniffed. That its pixels decode is not known yet.

    Raises:
        EmptyFile: it has no bytes.
        UnsupportedType: the extension is missing or not one of `EXTENSIONS`.
        TooLarge: it has more bytes than the limit.
        TypeMismatch: the content is of another type than the extension says.
    """
    size = path.stat().st_size
    if size == 0:
        raise EmptyFile
    extension = PurePath(label).suffix.lower()
    if extension not in EXTENSIONS:
        raise UnsupportedType(_unsupported(extension))
    if size > settings.max_upload_mb * 1_000_000:
        raise TooLarge(f"The file is larger than the limit of {settings.max_upload_mb} MB.")
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    found, named = sniff(head), EXTENSIONS[extension]
    if found != named and found not in _ALSO.get(named, ()):
        content = f"a {found.upper()} file" if found else _foreign(head)
        raise TypeMismatch(f"The file is named {extension}, but its content is {content}.")
    kind = "image" if found in IMAGES else "video"
    return Upload(path=path, label=label, format=found, kind=kind, size=size)


def sniff(head: bytes) -> str | None:
    """Name the format of a file, one of `FORMATS`, by its first bytes; None for any other."""
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    if head[:4] == b"RIFF":
        return {b"AVI ": "avi", b"WEBP": "webp"}.get(head[8:12])
    if head[:4] == b"\x1aE\xdf\xa3":
        return _document_type(head)
    if head[4:8] == b"ftyp":
        if head[8:12] in _PICTURE_BRANDS:
            return None
        return "mov" if head[8:12] == b"qt  " else "mp4"
    if head[4:8] in _QUICKTIME_ATOMS:  # QuickTime files older than the `ftyp` atom
        return "mov"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES:
        return "bmp"
    return None


def _document_type(head: bytes) -> str | None:
    """Matroska or WebM, by the DocType element (0x4282) of the EBML header."""
    start = head.find(b"\x42\x82", 4, 256)
    if start < 0:
        return None
    length = int.from_bytes(head[start + 2 : start + 3], "big") & 0x7F
    name = head[start + 3 : start + 3 + length].rstrip(b"\0")
    return {b"matroska": "mkv", b"webm": "webm"}.get(name)


def _foreign(head: bytes) -> str:
    if head[4:8] == b"ftyp" and head[8:12] in _PICTURE_BRANDS:
        return "a HEIC or AVIF picture"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for signature, name in _FOREIGN:
        if text.startswith(signature.lower()):
            return name
    return "of another or unknown type"


def _unsupported(extension: str) -> str:
    accepted = ", ".join(sorted(name[1:] for name in EXTENSIONS))
    if len(extension) < 2:
        return f"The file name has no extension. Accepted are {accepted}."
    if not extension[1:].isalnum() or len(extension) > 10:  # not a thing to repeat to people
        return f"Files of this type are not supported. Accepted are {accepted}."
    return f"{extension} files are not supported. Accepted are {accepted}."
