"""Clips: the right frames at true times and upright, whatever the container and codec."""

from __future__ import annotations

import os
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from av.video.frame import PictureType
from PIL import Image

from backend.errors import NoVideo, TooLong, TooManyPixels, UnsupportedCodec
from backend.media.decode import Decoder
from backend.media.formats import NAMED
from backend.media.intake import check
from backend.settings import load_settings
from tests.made_media import (
    CLIPS,
    astronaut,
    astronaut_clip,
    children,
    decode,
    difference,
    read_stamp,
    sound_only,
    stamp,
)


@pytest.mark.parametrize(("name", "codec", "options"), CLIPS)
def test_clips_of_every_container_and_codec(tmp_path, name, codec, options):
    path = astronaut_clip(tmp_path / name, codec, seconds=2, **{"size": (256, 128), **options})
    media, frames = decode(path, moments=5)
    assert (media.type, media.codec) == ("video", codec)
    assert path.suffix in NAMED[media.format].extensions
    width, height = (768, 576) if codec == "dvvideo" else (256, 128)  # its pixels are not square
    assert (media.width, media.height) == (width, height)
    assert media.duration == pytest.approx(2.0, abs=0.05)
    assert media.fps == pytest.approx(25, rel=0.02) and abs(media.frames - 50) <= 1
    shown = [read_stamp(frame.image) for frame in frames]
    assert shown == pytest.approx([5, 15, 25, 35, 45], abs=2)  # or a frame near that costs less
    assert [frame.time for frame in frames] == pytest.approx([n / 25 for n in shown], abs=0.002)
    assert difference(frames[2].image, stamp(astronaut(width, height), shown[2])) < 14


@pytest.mark.parametrize("gop", [1, 10, 250])
@pytest.mark.parametrize(
    "options",
    [{"bf": "0"}, {"preset": "veryfast", "bf": "3", "x264-params": "open-gop=1:b-pyramid=normal"}],
)
def test_each_frame_is_the_one_of_its_time(tmp_path, gop, options):
    path = astronaut_clip(tmp_path / "a.mp4", seconds=6, size=(256, 64), gop=gop, **options)
    _, frames = decode(path, moments=7)
    on_screen = [(2 * n + 1) * 150 // 14 for n in range(7)]
    shown = [read_stamp(frame.image) for frame in frames]
    assert shown == pytest.approx(on_screen, abs=0 if gop == 1 or options["bf"] == "0" else 5)
    assert [round(frame.time * 25) for frame in frames] == shown
    assert [frame.index for frame in frames] == list(range(7))


@pytest.mark.parametrize("name", ["a.avi", "a.wmv"])
def test_frames_that_are_stored_in_another_order_without_saying_so(tmp_path, name):
    path = astronaut_clip(
        tmp_path / name, seconds=4, size=(256, 64), gop=25, bf="3", preset="veryfast"
    )
    _, frames = decode(path, moments=20)
    shown = [read_stamp(frame.image) for frame in frames]
    assert len(shown) == 20 and [round(frame.time * 25) for frame in frames] == shown


def test_moments_are_frames_that_are_decoded_in_any_case(tmp_path):
    """Between moments lie 20 frames, and of each four in a row others lean on the last."""
    path = astronaut_clip(
        tmp_path / "a.mp4", seconds=6, size=(256, 64), gop=250, bf="3", preset="veryfast",
        **{"x264-params": "b-adapt=0:b-pyramid=none:scenecut=0"},
    )  # fmt: skip
    with av.open(str(path)) as container:
        kinds = {  # of all frames
            frame.pts: PictureType(frame.pict_type).name for frame in container.decode(video=0)
        }
        base = container.streams.video[0].time_base
    _, frames = decode(path, moments=7)
    assert {kinds[round(frame.time / base)] for frame in frames} <= {"I", "P"}
    assert "B" in kinds.values()


def test_sampling_follows_time_and_not_the_count_of_frames(tmp_path):
    times = [n * 0.01 for n in range(50)] + [1.0, 2.0, 3.0, 4.0]
    path = astronaut_clip(tmp_path / "vfr.mp4", times=times, size=(256, 64))
    media, frames = decode(path, moments=8)
    shown = [read_stamp(frame.image) for frame in frames]
    assert [frame.time for frame in frames] == pytest.approx([times[n] for n in shown])
    assert shown == [25, 49, 50, 51, 52]  # few of the frames are most of the time
    assert media.frames == 54


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.avi"])
def test_one_frame_gives_one_frame(tmp_path, name):
    codec = {"a.mp4": "h264", "a.webm": "vp8", "a.avi": "mpeg4"}[name]
    media, frames = decode(astronaut_clip(tmp_path / name, codec, times=[0.0]))
    assert (media.type, media.frames, len(frames)) == ("video", 1, 1)
    assert frames[0].time == 0.0


def test_fewer_frames_than_moments_are_all_taken_once(tmp_path):
    _, frames = decode(astronaut_clip(tmp_path / "a.mp4", seconds=0.4))
    assert [read_stamp(frame.image) for frame in frames] == list(range(10))


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotation_is_applied(tmp_path, rotation):
    path = astronaut_clip(tmp_path / "a.mp4", seconds=0.1, size=(256, 128), rotation=rotation)
    media, frames = decode(path)
    stored = Image.fromarray(stamp(astronaut(256, 128), 0))
    upright = stored.rotate(rotation, expand=True)  # both turn against the clock
    assert (media.width, media.height) == upright.size
    assert difference(frames[0].image, upright) < 12


def test_pixels_that_are_not_square(tmp_path):
    path = astronaut_clip(tmp_path / "a.mp4", seconds=0.1, pixel_aspect=Fraction(4, 3))
    media, frames = decode(path)
    assert (media.width, media.height) == (683, 512) and frames[0].image.shape == (512, 683, 3)


@pytest.mark.parametrize(
    "shape",
    [{"codec": "hevc", "pix_fmt": "yuv420p10le"}, {"pix_fmt": "yuv444p", "size": (131, 77)}],
)
def test_ten_bits_and_odd_sizes(tmp_path, shape):
    path = astronaut_clip(tmp_path / "a.mp4", seconds=0.2, **shape)
    width, height = shape.get("size", (512, 512))
    media, frames = decode(path)
    assert (media.width, media.height) == (width, height)
    assert difference(frames[0].image, stamp(astronaut(width, height), 0)) < 8


@pytest.mark.parametrize("start", [-3.0, 7.5])
def test_times_count_from_the_first_frame(tmp_path, start):
    times = [start + n / 25 for n in range(10)]
    path = astronaut_clip(tmp_path / "a.mkv", times=times, size=(256, 64))
    media, frames = decode(path)
    assert frames[0].time == 0.0 and media.duration == pytest.approx(0.4, abs=0.05)
    assert all(a.time < b.time for a, b in pairwise(frames))


def test_a_header_that_lies_about_the_duration_changes_nothing(tmp_path):
    path = astronaut_clip(tmp_path / "a.mp4", seconds=2, size=(256, 64))
    content = path.read_bytes()
    for box in (b"mvhd", b"tkhd", b"mdhd"):
        at = content.index(box) + (20 if box != b"tkhd" else 24)
        content = content[:at] + b"\x7f\xff\xff\xff" + content[at + 4 :]
    path.write_bytes(content)
    media, frames = decode(path, moments=5)
    assert media.duration == pytest.approx(2.0, abs=0.05)
    assert [read_stamp(frame.image) for frame in frames] == [5, 15, 25, 35, 45]


def test_a_live_recording_without_duration_or_index(tmp_path):
    path = astronaut_clip(tmp_path / "a.webm", "vp8", size=(256, 64), live="1")
    assert decode(path, moments=5)[0].duration == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "h264", {"gop": 25}),
        ("a.mp4", "h264", {"gop": 25, "movflags": "frag_keyframe+empty_moov"}),
        ("a.mkv", "h264", {"gop": 250, "preset": "veryfast", "bf": "3"}),
        ("a.webm", "vp9", {"gop": 50}),
        ("a.mp4", "h264", {"gop": 2000}),  # one key frame: no leap is possible
    ],
)
def test_long_clips_are_seen_to_their_end_at_true_times(tmp_path, name, codec, options):
    path = astronaut_clip(tmp_path / name, codec, seconds=30, size=(256, 64), **options)
    media, frames = decode(path, moments=10)
    assert media.duration == pytest.approx(30, abs=0.05) and media.fps == pytest.approx(25)
    assert media.frames in (750, None)
    assert [round(frame.time * 25) % 256 for frame in frames] == [
        read_stamp(frame.image) for frame in frames
    ]
    assert len(frames) == 10 and frames[0].time < 3 and frames[-1].time > 24
    assert max(b.time - a.time for a, b in pairwise(frames)) < 10.1


def test_of_a_long_clip_little_is_read(tmp_path):
    path = astronaut_clip(tmp_path / "a.mp4", seconds=30, size=(512, 256), crf="1")
    settings = load_settings(_env_file=None, moments=10)
    before, decoder, read = children(), Decoder(settings), []
    (server,) = children() - before
    brief = astronaut_clip(tmp_path / "b.mp4", seconds=0.1)
    for upload in (brief, brief, path):  # the first one's number has the libraries in it
        with decoder.open(check(upload, upload.name, settings)) as clip:
            list(clip)
        # What ended processes read is added to the one that waited for them.
        counters = Path(f"/proc/{server}/io").read_text().split()
        read.append(int(counters[counters.index("rchar:") + 1]) - sum(read))
    assert read[2] - read[1] < path.stat().st_size / 3


def test_the_limit_of_time_is_measured(tmp_path):
    path = astronaut_clip(tmp_path / "a.mp4", seconds=2, size=(64, 64))
    decode(path, max_duration=2.01)
    with pytest.raises(TooLong, match="1.9 s"):
        decode(path, max_duration=1.9)


def test_the_limit_of_pixels_is_for_clips_too(tmp_path):
    with pytest.raises(TooManyPixels, match="0.1 million"):
        decode(astronaut_clip(tmp_path / "a.mp4", seconds=0.1), max_pixels=100_000)


@pytest.mark.parametrize("extension", ["mp4", "mov", "mkv", "webm", "flv", "avi"])
def test_sound_without_picture(tmp_path, extension):
    with pytest.raises(NoVideo):
        decode(sound_only(tmp_path / f"a.{extension}"))


def test_a_clip_with_sound(tmp_path):
    media, frames = decode(astronaut_clip(tmp_path / "a.mp4", seconds=0.4, sound=True))
    assert (media.codec, len(frames)) == ("h264", 10)


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "snow"), ("a.avi", "flashsv")])
def test_codecs_outside_the_list_are_named(tmp_path, name, codec):
    with pytest.raises(UnsupportedCodec, match=codec):
        decode(astronaut_clip(tmp_path / name, codec, seconds=0.1, size=(64, 64)))


def test_an_unusual_file_name(tmp_path):
    name = os.fsdecode("concat:a|b \xff видео.mp4".encode("latin-1", "ignore") + b"\xff.mp4")
    path = astronaut_clip(tmp_path / "a.mp4", seconds=0.1).rename(tmp_path / name)
    assert len(decode(path)[1]) == 2
