"""The door: knows a file by its content, whatever its name, and refuses what is not read."""

from __future__ import annotations

from pathlib import Path, PurePath

from backend.errors import AppError, EmptyFile, TooLarge, TypeMismatch, UnsupportedType
from backend.media.formats import AUDIO, EXTENSIONS, IMAGE, VIDEO, Foreign, Format, sniff, titles
from backend.media.signatures import HEAD
from backend.records.media import Note, Upload
from backend.settings import Settings

_READ = "What is read: {}; {}; {}.".format(*map(titles, (IMAGE, VIDEO, AUDIO)))
LONGEST = 8  # letters of an ending that is repeated to people


def check(path: Path, label: str, settings: Settings) -> Upload:
    """Decide by the first bytes of `path` what it is.

    Args:
        path: the stored file; only its size and first bytes are read.
        label: the user's own name for the file, which may be any; one that says something else
            than the content is noted.
        settings: `max_upload_mb` is the limit, in units of 1,000,000 bytes.

    Returns:
        The upload, whose `format` is what was sniffed. That its pixels decode is not known yet.

    Raises:
        EmptyFile: it has no bytes.
        TooLarge: it has more bytes than the limit.
        TypeMismatch: it is not read, though its name is that of a format that is.
        UnsupportedType: it is not read.
    """
    size = path.stat().st_size
    if size == 0:
        raise EmptyFile
    if size > settings.max_upload_mb * 1_000_000:
        raise TooLarge(f"The file is larger than the limit of {settings.max_upload_mb} MB.")
    with path.open("rb") as stream:
        found = sniff(stream.read(HEAD))
    ending = _ending(label)
    if not isinstance(found, Format):
        raise _refusal(found, ending)
    return Upload(path, label, found.name, found.kind, size, tuple(_notes(found, ending)))


def _ending(label: str) -> str:
    """The extension of a name, in small letters; empty if it has none that can be repeated."""
    ending = PurePath(label).suffix.lower()
    return ending if ending[1:].isalnum() and len(ending) <= 1 + LONGEST else ""


def _notes(found: Format, ending: str):
    if not ending:
        yield Note("named_otherwise", f"The file's name does not say its type. It is {found.what}.")
    elif ending not in found.extensions:
        yield Note("named_otherwise", f"The file is named {ending}, but it is {found.what}.")


def _refusal(found: Foreign | None, ending: str) -> AppError:
    what = found.what if found else "of another or unknown type"
    advice = found.advice if found else _READ
    if ending in EXTENSIONS:
        return TypeMismatch(f"The file is named {ending}, but its content is {what}. {advice}")
    if found:
        return UnsupportedType(f"The file is {what}. {advice}")
    named = f"{ending} files are" if ending else "This type of file is"
    return UnsupportedType(f"{named} not supported. {advice}")
