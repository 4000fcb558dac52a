"""Intake: the content decides whatever the name says, and each refusal tells what to do."""

from __future__ import annotations

import pytest

from backend.errors import EmptyFile, TooLarge, TypeMismatch, UnsupportedType
from backend.media.formats import FOREIGN, FORMATS, NAMED, sniff
from backend.media.intake import check
from backend.settings import load_settings
from tests.made_media import astronaut_clip, astronaut_image
from tests.made_sound import save, speech

HEADS = {"heic": b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic"}  # of what is not made here
STANDARD = {"size": (720, 576), "pix_fmt": "yuv420p"}
MADE = {  # format: what its clip is made with
    "3gp": {"codec": "h264"},
    "avi": {"codec": "mpeg4"},
    "webm": {"codec": "vp8"},
    "flv": {"codec": "flv1"},
    "wmv": {"codec": "wmv2", "container": "asf"},
    "ogv": {"codec": "vp8", "container": "ogg"},
    "mpg": {"codec": "mpeg2video", "container": "mpeg"},
    "ts": {"codec": "mpeg2video", "container": "mpegts"},
    "dv": {"codec": "dvvideo", "container": "dv", **STANDARD},
    "mxf": {"codec": "mpeg2video", "container": "mxf"},
}


@pytest.fixture
def settings():
    return load_settings(_env_file=None, max_upload_mb=1)


@pytest.fixture
def intake(tmp_path, settings):
    """`intake(content, label)`: what becomes of a file with this content and this name."""

    def take(content, label):
        path = tmp_path / "stored"
        path.write_bytes(content)
        return check(path, label, settings)

    return take


def make(folder, format):
    path = folder / f"face{format.extensions[0]}"
    if format.name in HEADS:
        path.write_bytes(HEADS[format.name] + bytes(64))
        return path
    if format.kind == "image":
        return astronaut_image(path, size=(64, 64))
    if format.kind == "audio":
        return save(path, speech(0.5))
    return astronaut_clip(path, **{"size": (64, 64), "seconds": 0.2, **MADE.get(format.name, {})})


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_every_format_is_known_by_its_content_whatever_its_name(tmp_path, settings, format):
    path = make(tmp_path, format)
    for ending in format.extensions:
        upload = check(path, f"Großmutter{ending.upper()}", settings)
        assert (upload.format, upload.kind, upload.notes) == (format.name, format.kind, ())
        assert upload.size == path.stat().st_size
    other = ".png" if format.name == "jpeg" else ".jpg"
    for name, told in (
        (f"a{other}", f"The file is named {other}, but it is {format.what}."),
        ("setup.exe", f"The file is named .exe, but it is {format.what}."),
        ("blob", f"The file's name does not say its type. It is {format.what}."),
        ("photo.jpg?width=300", f"The file's name does not say its type. It is {format.what}."),
        ("a.<script>", f"The file's name does not say its type. It is {format.what}."),
        ("a.jpg/../../etc/passwd", f"The file's name does not say its type. It is {format.what}."),
    ):
        upload = check(path, name, settings)
        assert upload.format == format.name
        assert [(note.code, note.text) for note in upload.notes] == [("named_otherwise", told)]


@pytest.mark.parametrize(
    ("head", "format"),
    [
        *((b"\0\0\0\x10" + atom + bytes(64), "mov") for atom in (b"moov", b"mdat", b"wide")),
        (b"\0\0\0\x14ftypisom\0\0\0\0mif1", "mp4"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "avif"),
        (b"\0\0\0\x18ftyp3g2a\0\0\0\0isom", "3gp"),
        (b"MM\0+\0\x08\0\0", "tiff"),
        (b"".join(bytes(4) + b"G" + bytes(187) for _ in range(9)), "ts"),  # on Blu-rays and cards
        (b"".join(bytes(40) + b"G" + bytes(163) for _ in range(9)), "ts"),  # cut within a packet
    ],
)
def test_old_rare_and_cut_ones_are_known(intake, head, format):
    assert intake(head, "a").format == format


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"<!DOCTYPE html><p>hello", "a web page"),
        (b"\xef\xbb\xbf\n  <HTML>", "a web page"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "a playlist"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "a playlist"),
        (b'{"error": "not found"}', "a JSON document"),
        (b"PK\x03\x04" + bytes(60), "a ZIP archive"),
        (b"\xff\x0a" + bytes(60), "a JPEG XL picture"),
        (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60), "a JPEG 2000 picture"),
        (b"\0\0\0\x18ftypcrx " + bytes(60), "a raw photo"),
        (b"FORM\0\0\0\0AIFFCOMM", "a sound file of a kind that is not read"),
        (b"MThd\0\0\0\6" + bytes(60), "a MIDI file"),
        (b"\0\0\0\1\x67\x42" + bytes(60), "a raw video stream"),
        (b"\0\5\x16\7" + bytes(60), "a side file of macOS"),
        (bytes(5000), "nothing but zeros"),
        (b"BM, this is only text that begins so", "unknown type"),
        (b"just words", "unknown type"),
        (b"G" * 5000, "unknown type"),
        (b"\xff", "unknown type"),
        (b"\x1aE\xdf\xa3\x42\x82\x84abcd", "unknown type"),
        (b"\x1aE\xdf\xa3\x42\x82", "unknown type"),
    ],
)
def test_what_is_not_read_is_named_and_told_what_to_do(intake, content, sentence):
    with pytest.raises(TypeMismatch, match=sentence) as caught:
        intake(content, "face.jpg")
    assert str(caught.value).startswith("The file is named .jpg, but its content is ")
    with pytest.raises(UnsupportedType) as plain:
        intake(content, "face")
    advice = str(caught.value).split(". ", 1)[1]
    assert advice in str(plain.value)
    assert advice.startswith("What is read: JPEG, ") is ("unknown" in sentence)


@pytest.mark.parametrize(
    ("label", "sentence"),
    [
        ("note.txt", r"^\.txt files are not supported\. What is read: JPEG"),
        ("note", "^This type of file is not supported"),
        ("a.<script>", "^This type of file is not supported"),
        ("a." + "x" * 300, "^This type of file is not supported"),
    ],
)
def test_names_that_promise_nothing(intake, label, sentence):
    with pytest.raises(UnsupportedType, match=sentence):
        intake(b"just words", label)


def test_every_refusal_of_the_table_says_what_to_do():
    assert len(FORMATS) == len(NAMED)
    for foreign in FOREIGN:
        assert foreign.what.split()[0] in ("a", "an", "nothing") and not foreign.what.endswith(".")
        assert foreign.advice.endswith(".")
    assert sniff(b"") is None


def test_an_empty_file(intake):
    with pytest.raises(EmptyFile):
        intake(b"", "face.jpg")


def test_the_limit_is_exact_and_named(intake):
    start = b"\xff\xd8\xff"
    assert intake(start.ljust(1_000_000), "face.jpg").size == 1_000_000
    with pytest.raises(TooLarge, match="1 MB"):
        intake(start.ljust(1_000_001), "face.jpg")
