"""Hostile media: each is refused in its own words, leaves nothing, and the next one works."""

from __future__ import annotations

import os
import struct
import time
from contextlib import suppress
from fractions import Fraction
from itertools import product
from pathlib import Path
from random import Random

import av
import pytest
from PIL import Image

from backend.errors import (
    AppError,
    CannotDecode,
    EmptyFile,
    NoVideo,
    TooLong,
    TooManyPixels,
    TooSlow,
    TypeMismatch,
    UnsupportedCodec,
)
from backend.media.decode import Decoder
from backend.media.intake import check
from backend.settings import load_settings
from tests.made_media import (
    CLIPS,
    astronaut_animation,
    astronaut_clip,
    astronaut_image,
    astronaut_jpeg,
    bomb_png,
    cut,
    decode,
    decoders,
    read_stamp,
)

IMAGES = ["jpg", "png", "gif", "bmp", "tiff", "webp", "heic", "avif"]


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def renamed(path: Path, name: bytes, other: bytes) -> Path:
    """Every place of the file that has the one name has the other."""
    return written(path, path.read_bytes().replace(name, other))


def one_packet(path: Path, codec: str, content: Path) -> Path:
    """A clip of 64 x 64 px whose only packet is the content of a file, which is deleted."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "rgb24"
        packet = av.Packet(content.read_bytes())
        packet.stream, packet.pts, packet.dts, packet.time_base = stream, 0, 0, Fraction(1, 25)
        packet.is_keyframe = True
        out.mux(packet)
    content.unlink()
    return path


HOSTILE = {
    "bomb.png": (bomb_png, TooManyPixels, "more pixels than the limit of 110 million"),
    "cut.mp4": (
        lambda path: cut(astronaut_clip(path, seconds=1), 0.6),
        CannotDecode,
        "incomplete: its end is missing",
    ),
    "empty.jpg": (lambda path: written(path, b""), EmptyFile, "is empty"),
    "page.jpg": (lambda path: written(path, b"<html><body>"), TypeMismatch, "a web page"),
    "list.mp4": (
        lambda path: written(path, b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"),
        TypeMismatch,
        "a playlist",
    ),
    "codec.mkv": (
        lambda path: astronaut_clip(path, "snow", seconds=0.2, strict="-2"),
        UnsupportedCodec,
        "codec snow is not supported",
    ),
    "unknown.mp4": (
        lambda path: renamed(astronaut_clip(path, seconds=0.2), b"avc1", b"zzzz"),
        UnsupportedCodec,
        "uses a codec that is not supported",
    ),
    "sold.mp4": (
        lambda path: renamed(astronaut_clip(path, seconds=0.2), b"avc1", b"encv"),
        UnsupportedCodec,
        "protected by DRM",
    ),
    "bomb.mov": (
        lambda path: one_packet(path, "png", bomb_png(path.with_suffix(".png"))),
        TooManyPixels,
        "The picture has more pixels",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_refused_and_the_next_one_works(tmp_path, name):
    make, error, sentence = HOSTILE[name]
    path = make(tmp_path / name)
    before = decoders()
    with pytest.raises(error, match=sentence) as caught:
        decode(path)
    assert str(tmp_path) not in str(caught.value)
    assert decoders() == before
    assert os.listdir(tmp_path) == [name]
    assert len(decode(astronaut_jpeg(tmp_path / "good.jpg"))[1]) == 1


def test_the_refusals_differ():
    sentences = [sentence for _, _, sentence in HOSTILE.values()]
    assert len(set(sentences)) == len(sentences)


# --- incomplete files


@pytest.mark.parametrize("extension", IMAGES)
@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9])
def test_cut_off_stills(tmp_path, extension, keep):
    path = cut(astronaut_image(tmp_path / f"a.{extension}", (200, 200)), keep)
    with pytest.raises(CannotDecode):
        decode(path)


@pytest.mark.parametrize("extension", ["gif", "webp", "apng", "avif"])
def test_cut_off_animations(tmp_path, extension):
    path = astronaut_animation(tmp_path / f"a.{extension}", frames=4)
    cut(path, 0.9)
    with pytest.raises(CannotDecode):
        decode(path)


@pytest.mark.parametrize(
    ("movflags", "keep"),
    [*product([None, "faststart"], [0.02, 0.5, 0.95]), ("frag_keyframe+empty_moov", 0.02)],
)
def test_cut_off_mp4_wherever_its_index_is(tmp_path, movflags, keep):
    path = cut(astronaut_clip(tmp_path / "a.mp4", seconds=1, movflags=movflags), keep)
    with pytest.raises(CannotDecode, match="its end is missing"):
        decode(path)


@pytest.mark.parametrize("keep", [0.5, 0.95])
def test_a_recording_in_fragments_that_broke_off_is_judged_as_far_as_it_goes(tmp_path, keep):
    path = astronaut_clip(
        tmp_path / "a.mp4", seconds=4, movflags="frag_keyframe+empty_moov", size=(256, 64)
    )
    settings = load_settings(_env_file=None, moments=8)
    with Decoder(settings).open(check(cut(path, keep), "a.mp4", settings)) as clip:
        frames = list(clip)
    assert clip.media.duration == pytest.approx(4 * keep, abs=0.5) and len(frames) == 8
    assert [round(frame.time * 25) for frame in frames] == [read_stamp(f.image) for f in frames]
    assert [note.code for note in clip.facts.notes] == ["incomplete"]


@pytest.mark.parametrize("more", [b"\n", b"\0\0\0\5", b"\r\n" * 20, bytes(100), b"# a note\n" * 50])
def test_an_mp4_with_something_behind_its_end_is_whole(tmp_path, more):
    path = astronaut_clip(tmp_path / "a.mp4", seconds=1)
    written(path, path.read_bytes() + more)
    assert len(decode(path, moments=4)[1]) == 4


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "h264"), ("a.flv", "flv1")])
def test_recordings_that_stopped_early_are_used_as_far_as_they_go(tmp_path, name, codec):
    path = cut(astronaut_clip(tmp_path / name, codec, seconds=2, gop=10), 0.5)
    media, frames = decode(path, moments=4)
    assert 0.3 < media.duration < 1.8 and len(frames) == 4


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.webm", "a.flv"])
def test_a_head_without_anything_behind_it(tmp_path, name):
    codec = {".webm": "vp8", ".avi": "mpeg4", ".flv": "flv1"}.get(name[1:], "h264")
    path = astronaut_clip(tmp_path / name, codec, seconds=1)
    written(path, path.read_bytes()[:64])
    with pytest.raises(CannotDecode):
        decode(path)


def test_damage_in_the_middle_leaves_the_rest(tmp_path):
    path = astronaut_clip(tmp_path / "a.mkv", seconds=8, gop=25, size=(256, 64))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + len(content) // 20] = os.urandom(len(content) // 20)
    _, frames = decode(written(path, bytes(content)), moments=16)
    assert len(frames) >= 8
    right = [round(frame.time * 25) % 256 == read_stamp(frame.image) for frame in frames]
    assert sum(right) >= len(right) - 3


@pytest.mark.parametrize(("name", "codec", "options"), CLIPS)
def test_damage_in_every_container_and_codec(tmp_path, name, codec, options):
    """Half of it, bytes that are others, a stretch of nonsense: a few frames or a clear answer."""
    options = {"size": (128, 64), "seconds": 0.4, **options}
    content, chance = astronaut_clip(tmp_path / name, codec, **options).read_bytes(), Random(name)
    flipped, smeared = bytearray(content), bytearray(content)
    for _ in range(20):
        flipped[chance.randrange(len(content))] = chance.randrange(256)
    middle = len(content) // 3
    smeared[middle : 2 * middle] = chance.randbytes(middle)
    before = decoders()
    for damaged in (content[: len(content) // 2], flipped, smeared):
        try:
            media, frames = decode(written(tmp_path / name, bytes(damaged)), moments=4)
            assert frames and media.duration is None or media.duration < 2
        except (CannotDecode, NoVideo, TooLong, TooManyPixels, TypeMismatch, UnsupportedCodec):
            pass
    assert decoders() == before and os.listdir(tmp_path) == [name]
    assert decode(written(tmp_path / name, content), moments=4)


# --- bombs and files that are two things


def test_a_gif_whose_many_frames_never_end(tmp_path):
    path = tmp_path / "a.gif"
    Image.new("L", (5000, 5000)).save(path)
    content = path.read_bytes()
    start = 13 + 3 * 2 ** ((content[10] & 7) + 1)  # behind the header and the colour table
    written(path, content[:start] + content[start:-1] * 400 + b";")
    with pytest.raises(TooSlow):
        decode(path, decode_timeout=1)


def test_a_gif_of_a_huge_canvas(tmp_path):
    path = astronaut_image(tmp_path / "a.gif", (64, 64))
    content = bytearray(path.read_bytes())
    content[6:10] = struct.pack("<HH", 60000, 60000)
    with pytest.raises(TooManyPixels):
        decode(written(path, bytes(content)))


@pytest.mark.parametrize("extension", ["jpg", "png", "tiff", "webp", "bmp", "heic", "avif"])
def test_the_limit_of_pixels_is_checked_before_decoding(tmp_path, extension):
    path = astronaut_image(tmp_path / f"a.{extension}", (400, 300))
    assert decode(path, max_pixels=120_000)
    with pytest.raises(TooManyPixels, match="0.119999 million"):
        decode(path, max_pixels=119_999)


@pytest.mark.parametrize("extension", ["heic", "avif"])
def test_a_huge_size_that_is_only_claimed_costs_little(tmp_path, extension):
    path = astronaut_image(tmp_path / f"a.{extension}", (64, 64))
    content = path.read_bytes()
    at = content.index(b"ispe") + 8

    def claiming(side: int) -> Path:
        return written(path, content[:at] + struct.pack(">II", side, side) + content[at + 8 :])

    began = time.monotonic()
    with pytest.raises(AppError):
        decode(claiming(60_000))
    if extension == "avif":  # what was coded is enlarged to what is claimed, within the limits
        decode(claiming(10_000))
    else:
        with pytest.raises(CannotDecode):
            decode(claiming(10_000))
    assert time.monotonic() - began < 4


@pytest.mark.parametrize("extension", ["heic", "heics", "avif", "apng", "mpo"])
def test_bytes_at_random_places_of_what_phones_write(tmp_path, extension):
    """Whatever becomes of it, it is answered in time, and nothing crashes or is left behind."""
    path, chance = tmp_path / f"a.{extension}", Random(extension)
    if extension == "heics":
        clip = astronaut_clip(tmp_path / "a.mp4", "hevc", seconds=0.4, size=(64, 64)).read_bytes()
        (tmp_path / "a.mp4").unlink()
        path.write_bytes(clip[:8] + b"msf1" + clip[12:].replace(b"vide", b"pict"))
    elif extension == "heic":
        astronaut_image(path, (64, 64))
    else:
        astronaut_animation(path, frames=3, size=(128, 64))
    content, before = path.read_bytes(), decoders()
    for _ in range(12):
        broken = bytearray(content)
        for _ in range(chance.choice((1, 4, 20))):
            broken[chance.randrange(12, len(broken))] = chance.randrange(256)
        written(path, bytes(broken[: chance.choice((None, chance.randrange(12, len(broken))))]))
        with suppress(AppError):
            decode(path, decode_timeout=20)
    assert decoders() == before and os.listdir(tmp_path) == [path.name]


def test_a_picture_inside_the_limit_but_over_the_memory(tmp_path):
    path = bomb_png(tmp_path / "a.png", 20_000, 20_000)
    with pytest.raises(CannotDecode, match="memory"):
        decode(path, max_pixels=500_000_000, decode_memory_mb=300)


def test_a_jpeg_with_an_archive_behind_it_is_only_its_picture(tmp_path):
    path = astronaut_jpeg(tmp_path / "a.jpg")
    written(path, path.read_bytes() + b"PK\x03\x04" + bytes(1000))
    assert len(decode(path)[1]) == 1


@pytest.mark.parametrize("head", [b"\0\0\0\x18ftypisom", b"\x1aE\xdf\xa3\x93\x42\x82\x88matroska"])
def test_a_playlist_behind_the_head_of_a_container(tmp_path, head):
    name = "a.mp4" if b"ftyp" in head else "a.mkv"
    path = written(tmp_path / name, head + b"\n#EXTM3U\nfile:///etc/passwd\n" * 50)
    with pytest.raises(CannotDecode):
        decode(path)


def test_an_mp4_that_refers_to_another_file_does_not_reach_it(tmp_path):
    """A data reference that names a file beside it must stay closed."""
    inner = astronaut_clip(tmp_path / "inner.mp4", seconds=1)
    content = inner.read_bytes()
    at = content.index(b"url \0\0\0\x01") - 4
    name = str(inner).encode() + b"\0"
    reference = struct.pack(">I", 12 + len(name)) + b"url \0\0\0\0" + name
    grown = content[:at] + reference + content[at + 12 :]
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        place = grown.index(box) - 4
        size = struct.unpack(">I", grown[place : place + 4])[0] + len(reference) - 12
        grown = grown[:place] + struct.pack(">I", size) + grown[place + 4 :]
    mdat = grown.index(b"mdat")
    end = mdat - 4 + struct.unpack(">I", grown[mdat - 4 : mdat])[0]
    blank = grown[: mdat + 4] + bytes(end - mdat - 4) + grown[end:]  # its own samples are gone
    with pytest.raises(CannotDecode):
        decode(written(tmp_path / "outer.mp4", blank))


def test_the_size_may_change_in_the_middle(tmp_path):
    small = astronaut_clip(tmp_path / "a.flv", "flv1", seconds=1, size=(256, 128), gop=5)
    large = astronaut_clip(tmp_path / "b.flv", "flv1", seconds=1, size=(320, 240), gop=5)
    joined = written(tmp_path / "c.flv", small.read_bytes() + _shifted(large.read_bytes(), 1000))
    media, frames = decode(joined, moments=8)
    assert (media.width, media.height) == (256, 128)
    assert {frame.image.shape for frame in frames} == {(128, 256, 3), (240, 320, 3)}
    # The limit holds for the later frames as well.
    with pytest.raises(AppError):
        decode(joined, moments=8, max_pixels=40_000)


def _shifted(flv: bytes, milliseconds: int) -> bytes:
    """The picture tags of an FLV file, moved later."""
    at, tags = 13, b""
    while at < len(flv):
        length = int.from_bytes(flv[at + 1 : at + 4], "big")
        moment = int.from_bytes(flv[at + 4 : at + 7], "big") + milliseconds
        if flv[at] == 9:
            tags += flv[at : at + 4] + moment.to_bytes(3, "big") + flv[at + 7 : at + 15 + length]
        at += 15 + length
    return tags
