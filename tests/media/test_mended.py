"""Damage that browsers overlook: bad metadata and a missing end never sink the pixels."""

from __future__ import annotations

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from backend.errors import CannotDecode
from backend.media.decode import Decoder
from backend.media.intake import check
from backend.settings import load_settings
from tests.made_media import astronaut, astronaut_image, difference, png_chunk

DAMAGED, INCOMPLETE = ["metadata_damaged"], ["incomplete"]
EXIF_6 = b"MM\0*\0\0\0\x08\0\x02\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"  # orientation 6, then...


def seen(path, content=None):
    """The picture of a file, and the codes of its notes."""
    if content is not None:
        path.write_bytes(content)
    settings = load_settings(_env_file=None)
    with Decoder(settings).open(check(path, path.name, settings)) as clip:
        (frame,) = clip
        return frame.image, [note.code for note in clip.facts.notes]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The bytes of the astronaut, 200 x 120 px, in each format."""
    folder = tmp_path_factory.mktemp("media")

    def make(extension, **options):
        path = astronaut_image(folder / f"a.{extension}", (200, 120), **options)
        return path.read_bytes()

    return make


def segment(mark: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, mark, len(body) + 2) + body


JPEG = {  # what is put behind the start; how often the picture is turned by a quarter
    "EXIF is noise": (segment(0xE1, b"Exif\0\0" + os.urandom(200)), 0),
    "EXIF ends early": (segment(0xE1, b"Exif\0\0" + EXIF_6), 3),
    "EXIF counts too much": (
        segment(0xE1, b"Exif\0\0" + EXIF_6 + b"\x01\x0f\0\x02" + b"\xff" * 8), 3),
    "EXIF divides by zero": (
        segment(0xE1, b"Exif\0\0" + EXIF_6 + struct.pack(">HHIIIii", 282, 5, 1, 38, 0, -1, 0)), 3),
    "EXIF is a circle": (
        segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\1\0\x69\x87\4\0\1\0\0\0\x08\0\0\0"), 0),
    "XMP is noise": (segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0\xff\xfe<x \xd8"), 0),
    "the index of pictures is noise": (segment(0xE2, b"MPF\0" + os.urandom(40)), 0),
    "the profile is noise": (segment(0xE2, b"ICC_PROFILE\0\x01\x02" + os.urandom(40)), 0),
    "IPTC is noise": (segment(0xED, b"Photoshop 3.0\0008BIM" + os.urandom(36)), 0),
}  # fmt: skip


@pytest.mark.parametrize("name", JPEG)
def test_bad_metadata_of_a_jpeg(tmp_path, made, name):
    more, turns = JPEG[name]
    jpeg = made("jpg")
    image, _ = seen(tmp_path / "a.jpg", jpeg[:2] + more + jpeg[2:])
    assert difference(np.rot90(image, -turns), astronaut(200, 120)) < 8


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("missing", [2, 20])
def test_a_jpeg_without_its_end_is_judged_with_a_note(tmp_path, made, progressive, missing):
    jpeg = made("jpg", progressive=progressive, quality=95)
    exif = Image.Exif()
    exif[0x0112] = 6
    for content, turns in ((jpeg, 0), (made("jpg", progressive=progressive, exif=exif), 3)):
        image, notes = seen(tmp_path / "a.jpg", content[:-missing])
        assert notes == INCOMPLETE
        assert difference(np.rot90(image, -turns), astronaut(200, 120)) < 8
    for keep in (0.2, 0.5):
        with pytest.raises(CannotDecode, match="its end is missing"):
            seen(tmp_path / "a.jpg", jpeg[: int(keep * len(jpeg))])


def test_a_large_photograph_without_its_end_can_be_read_finer(tmp_path):
    path = astronaut_image(tmp_path / "a.jpg", (4000, 3000))
    path.write_bytes(path.read_bytes()[:-2])
    settings = load_settings(_env_file=None)
    with Decoder(settings).open(check(path, path.name, settings)) as clip:
        (frame,) = clip
        assert clip.reduced and frame.image.shape == (1500, 2000, 3)
        assert clip.finer().image.shape == (3000, 4000, 3)


def text(size: int) -> bytes:
    return b"Comment\0\0" + zlib.compress(os.urandom(1000) * (size // 1000))


def flawed(name: bytes, body: bytes) -> bytes:
    """A chunk whose checksum is wrong."""
    return png_chunk(name, body)[:-4] + b"sum!"


PNG = {  # what is put behind the header; what is noted; quarter turns
    "EXIF without its header": (png_chunk(b"eXIf", EXIF_6[8:]), None, 0),
    "EXIF with a wrong sum": (flawed(b"eXIf", EXIF_6), DAMAGED, 3),
    "a text with a wrong sum": (flawed(b"tEXt", b"Comment\0hello"), DAMAGED, 0),
    "a text of 1.6 MB": (png_chunk(b"zTXt", text(1_600_000)), [], 0),
    "a profile of 1.6 MB": (png_chunk(b"iCCP", text(1_600_000)), None, 0),
    "a text that unpacks to 300 MB": (png_chunk(b"zTXt", text(300_000_000)), DAMAGED, 0),
    "a profile that is not packed": (png_chunk(b"iCCP", b"x\0\0nothing"), None, 0),
    "a text in an unknown way": (png_chunk(b"zTXt", b"Comment\0\7xxxx"), DAMAGED, 0),
    "empty notes of size and colour": (
        b"".join(png_chunk(name, b"") for name in (b"pHYs", b"gAMA", b"cHRM")), DAMAGED, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", PNG)
def test_bad_metadata_of_a_png(tmp_path, made, name):
    more, told, turns = PNG[name]
    png = made("png")
    image, notes = seen(tmp_path / "a.png", png[:33] + more + png[33:])
    assert difference(np.rot90(image, -turns), astronaut(200, 120)) == 0
    assert told is None or notes == told


def test_a_png_without_its_end(tmp_path, made):
    png = made("png")
    for missing in (12, 20):  # the last chunk, and the checksum of the pixels
        image, _ = seen(tmp_path / "a.png", png[:-missing])
        assert difference(image, astronaut(200, 120)) == 0
    image, notes = seen(tmp_path / "a.png", png[:-400])
    assert notes == INCOMPLETE and difference(image[:114], astronaut(200, 120)[:114]) == 0
    with pytest.raises(CannotDecode, match="its end is missing"):
        seen(tmp_path / "a.png", png[: len(png) * 9 // 10])


def test_webp_with_a_cut_end_of_its_metadata_and_a_wrong_size(tmp_path, made):
    exif = Image.Exif()
    exif[0x0112] = 6
    webp = made("webp", exif=exif)
    cut = webp[: webp.index(b"EXIF") + 12]
    size = webp[:4] + struct.pack("<I", len(webp) + 500) + webp[8:]
    for content, turns in ((cut, 0), (size, 3)):
        image, notes = seen(tmp_path / "a.webp", content)
        assert notes == DAMAGED
        assert difference(np.rot90(image, -turns), astronaut(200, 120)) < 8


def test_a_gif_without_its_last_byte(tmp_path, made):
    image, _ = seen(tmp_path / "a.gif", made("gif")[:-1])
    assert difference(image, astronaut(200, 120)) < 16
