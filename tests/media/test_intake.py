"""Intake: content decides, the extension must agree, and each refusal says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.errors import EmptyFile, TooLarge, TypeMismatch, UnsupportedType
from backend.media.formats import EXTENSIONS
from backend.media.intake import check
from backend.settings import load_settings
from tests.made_media import astronaut_clip, astronaut_image

STILLS = {".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp"}
CODEC_OF = {".avi": "mpeg4", ".webm": "vp8", ".flv": "flv1"}


@pytest.fixture
def settings():
    return load_settings(_env_file=None, max_upload_mb=1)


def make(folder, extension):
    path = folder / f"face{extension}"
    if extension in STILLS:
        return astronaut_image(path, size=(64, 64))
    return astronaut_clip(path, CODEC_OF.get(extension, "h264"), seconds=0.2, size=(64, 64))


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_every_format_is_known_by_its_content(tmp_path, settings, extension):
    path = make(tmp_path, extension)
    upload = check(path, f"Großmutter{extension.upper()}", settings)
    assert upload.format == EXTENSIONS[extension]
    assert upload.kind == ("image" if extension in STILLS else "video")
    assert upload.size == path.stat().st_size


@pytest.mark.parametrize(
    ("made", "label", "found"),
    [(".mp4", "a.mov", "mp4"), (".mov", "a.mp4", "mov"), (".webm", "a.mkv", "webm")],
)
def test_close_relatives_may_carry_each_others_extension(tmp_path, settings, made, label, found):
    assert check(make(tmp_path, made), label, settings).format == found


@pytest.mark.parametrize("old_atom", [b"moov", b"mdat", b"wide"])
def test_quicktime_older_than_its_brands_is_known(tmp_path, settings, old_atom):
    path = tmp_path / "old"
    path.write_bytes(b"\0\0\0\x10" + old_atom + bytes(64))
    assert check(path, "old.mov", settings).format == "mov"


@pytest.mark.parametrize(
    ("content", "label", "sentence"),
    [
        (b"<!DOCTYPE html><p>hello", "face.jpg", "a web page"),
        (b"\xef\xbb\xbf\n  <HTML>", "face.jpg", "a web page"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "clip.mp4", "a playlist"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "clip.mp4", "a playlist"),
        (b"PK\x03\x04" + bytes(60), "face.png", "a ZIP archive"),
        (b"\0\0\0\x18ftypheic" + bytes(60), "face.jpg", "a HEIC or AVIF"),
        (b"\0\0\0\x18ftypavif" + bytes(60), "clip.mp4", "a HEIC or AVIF"),
        (b"RIFF\0\0\0\0WAVEfmt ", "clip.avi", "unknown type"),
        (b"BM, this is only text that begins so", "face.bmp", "unknown type"),
        (b"just words", "face.webp", "unknown type"),
        (b"\xff", "face.jpg", "unknown type"),
        (b"\x1aE\xdf\xa3\x42\x82\x84abcd", "clip.mkv", "unknown type"),
        (b"\x1aE\xdf\xa3\x42\x82", "clip.mkv", "unknown type"),
    ],
)
def test_foreign_content_is_named(tmp_path, settings, content, label, sentence):
    path = tmp_path / "stored"
    path.write_bytes(content)
    with pytest.raises(TypeMismatch, match=sentence) as caught:
        check(path, label, settings)
    assert str(caught.value).startswith(f"The file is named {Path(label).suffix}, but")


@pytest.mark.parametrize(
    ("made", "label"), [(".jpg", "face.png"), (".mkv", "a.webm"), (".gif", "a.mp4")]
)
def test_a_wrong_extension_names_both_types(tmp_path, settings, made, label):
    with pytest.raises(TypeMismatch) as caught:
        check(make(tmp_path, made), label, settings)
    assert f".{label.split('.')[1]}" in str(caught.value)
    assert EXTENSIONS[made].upper() in str(caught.value)


@pytest.mark.parametrize(
    ("label", "sentence"),
    [
        ("face", "no extension"),
        (".jpg", "no extension"),
        ("face.", "no extension"),
        ("", "no extension"),
        ("face.exe", r"\.exe files"),
        ("face.jpg/../../etc/passwd", "no extension"),
        ("a.<script>", "Files of this type"),
        ("a." + "x" * 300, "Files of this type"),
    ],
)
def test_extensions_that_are_not_served(tmp_path, settings, label, sentence):
    path = make(tmp_path, ".jpg")
    with pytest.raises(UnsupportedType, match=sentence):
        check(path, label, settings)


def test_an_empty_file(tmp_path, settings):
    (tmp_path / "stored").touch()
    with pytest.raises(EmptyFile):
        check(tmp_path / "stored", "face.jpg", settings)


def test_the_limit_is_exact_and_named(tmp_path, settings):
    path = make(tmp_path, ".jpg")
    with path.open("r+b") as stream:
        stream.truncate(1_000_000)
    assert check(path, "face.jpg", settings).size == 1_000_000
    with path.open("r+b") as stream:
        stream.truncate(1_000_001)
    with pytest.raises(TooLarge, match="1 MB"):
        check(path, "face.jpg", settings)
