"""Decoding: the right frames at true times, upright and in true colours, whatever the container."""

from __future__ import annotations

import os
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageCms

from backend.errors import NoVideo, TooLong, TooManyPixels, UnsupportedCodec
from backend.media.decode import LONG_SIDE, Decoder
from backend.media.intake import check
from backend.settings import load_settings
from tests.media import (
    astronaut,
    astronaut_animation,
    astronaut_clip,
    astronaut_image,
    read_stamp,
    sound_only,
    stamp,
)


def decode(path, **settings):
    """All that the decoder says about a file: its media and its frames."""
    settings = load_settings(**settings)
    with Decoder(settings).open(check(path, path.name, settings)) as clip:
        return clip.media, list(clip)


def difference(image, other) -> float:
    """Mean absolute difference of two pictures, in grey levels."""
    return float(np.abs(image.astype(int) - np.asarray(other).astype(int)).mean())


# --- stills


@pytest.mark.parametrize("extension", ["jpg", "jpeg", "png", "gif", "bmp", "tif", "tiff", "webp"])
def test_stills_of_every_format(tmp_path, extension):
    media, frames = decode(astronaut_image(tmp_path / f"a.{extension}", (200, 120)))
    assert (media.type, media.width, media.height) == ("image", 200, 120)
    assert (media.duration, media.fps, media.frames) == (None, None, 1)
    assert len(frames) == 1 and frames[0].time == 0.0 and frames[0].index == 0
    image = frames[0].image
    assert image.dtype == np.uint8 and image.shape == (120, 200, 3) and image.flags.c_contiguous
    assert difference(image, astronaut(200, 120)) < 8


@pytest.mark.parametrize("extension", ["jpg", "png", "tiff", "webp"])
@pytest.mark.parametrize("orientation", [1, 2, 3, 4, 5, 6, 7, 8])
def test_exif_orientation_is_applied_once(tmp_path, extension, orientation):
    upright = Image.fromarray(astronaut(96, 64))
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned.{extension}"
    stored.save(path, exif=exif)
    media, frames = decode(path)
    assert (media.width, media.height) == (96, 64)
    assert difference(frames[0].image, upright) < 12


@pytest.mark.parametrize(
    ("name", "mode"),
    [("a.png", "L"), ("a.png", "P"), ("a.png", "LA"), ("a.tiff", "CMYK"),
     ("a.jpg", "CMYK"), ("a.tiff", "LAB"), ("a.jpg", "L")],
)  # fmt: skip
def test_every_colour_mode_becomes_rgb(tmp_path, name, mode):
    image = Image.fromarray(astronaut(96, 64))
    (_lab(image) if mode == "LAB" else image.convert(mode)).save(tmp_path / name)
    _, frames = decode(tmp_path / name)
    grey = Image.fromarray(frames[0].image).convert("L")
    expected = Image.fromarray(astronaut(96, 64)).convert("L")
    assert difference(np.asarray(grey), expected) < 12


def _lab(image):
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB")


def test_black_and_white_stay_so(tmp_path):
    Image.fromarray(astronaut(96, 64)).convert("1").save(tmp_path / "a.tiff")
    assert set(np.unique(decode(tmp_path / "a.tiff")[1][0].image)) == {0, 255}


def test_sixteen_bits_keep_their_range(tmp_path):
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(64, 0)
    for name in ("a.png", "a.tiff"):
        Image.fromarray(ramp).save(tmp_path / name)
        row = decode(tmp_path / name)[1][0].image[0, :, 0]
        assert np.abs(row.astype(int) - np.arange(256)).max() <= 1


def test_floating_point_grey_is_scaled_to_what_it_uses(tmp_path):
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None].repeat(64, 0)
    Image.fromarray(ramp).save(tmp_path / "a.tiff")
    row = decode(tmp_path / "a.tiff")[1][0].image[0, :, 0]
    assert row[0] == 0 and row[-1] >= 254 and np.all(np.diff(row.astype(int)) >= 0)


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.gif"])
def test_transparent_parts_become_white(tmp_path, name):
    image = Image.fromarray(astronaut(64, 64)).convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 32, 64))
    image.save(tmp_path / name)
    frame = decode(tmp_path / name)[1][0].image
    assert frame[:, :30].min() >= 250
    assert difference(frame[:, 34:], astronaut(64, 64)[:, 34:]) < 16


def test_a_colour_profile_is_applied_and_a_broken_one_ignored(tmp_path):
    path = tmp_path / "profile.png"
    astronaut_image(path, (64, 64), icc_profile=b"no profile at all")
    assert difference(decode(path)[1][0].image, astronaut(64, 64)) == 0
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"?XYZ").replace(b"bXYZ", b"rXYZ").replace(b"?XYZ", b"bXYZ")
    astronaut_image(path, (64, 64), icc_profile=swapped)  # its red is blue
    assert difference(decode(path)[1][0].image, astronaut(64, 64)[:, :, ::-1]) < 3


def test_large_pictures_are_shrunk_and_their_size_is_told(tmp_path):
    for name in ("large.jpg", "large.png"):
        path = astronaut_image(tmp_path / name, (5000, 500))
        media, frames = decode(path)
        assert (media.width, media.height) == (5000, 500)
        assert frames[0].image.shape == (410, LONG_SIDE, 3)
        small = Image.fromarray(astronaut(5000, 500)).resize((LONG_SIDE, 410))
        assert difference(frames[0].image, small) < 6


def test_only_the_first_page_of_a_tiff_is_read(tmp_path):
    pages = [Image.fromarray(stamp(astronaut(256, 64), n)) for n in (7, 8)]
    pages[0].save(tmp_path / "pages.tiff", save_all=True, append_images=pages[1:])
    media, frames = decode(tmp_path / "pages.tiff")
    assert media.type == "image" and [read_stamp(f.image) for f in frames] == [7]


def test_a_phone_jpeg_with_a_second_picture_inside(tmp_path):
    path = tmp_path / "phone.jpg"
    second = Image.fromarray(astronaut(32, 32))
    Image.fromarray(astronaut(64, 64)).save(
        path, format="MPO", save_all=True, append_images=[second]
    )
    media, frames = decode(path)
    assert (media.type, media.format, len(frames)) == ("image", "jpeg", 1)


# --- animated images


@pytest.mark.parametrize("extension", ["gif", "webp", "png"])
def test_animations_are_clips(tmp_path, extension):
    path = astronaut_animation(tmp_path / f"a.{extension}", frames=10, milliseconds=200)
    media, frames = decode(path, moments=5)
    assert (media.type, media.frames) == ("video", 10)
    assert media.duration == pytest.approx(2.0) and media.fps == pytest.approx(5.0)
    assert [read_stamp(frame.image) for frame in frames] == [1, 3, 5, 7, 9]
    assert [frame.time for frame in frames] == pytest.approx([0.2, 0.6, 1.0, 1.4, 1.8])


def test_animations_over_the_limit_of_time(tmp_path):
    path = astronaut_animation(tmp_path / "a.gif", frames=10, milliseconds=1000)
    with pytest.raises(TooLong, match="9 s"):
        decode(path, max_duration=9)


# --- clips


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "h264"), ("a.mov", "h264"), ("a.mkv", "h264"), ("a.flv", "h264"),
     ("a.mp4", "hevc"), ("a.mp4", "av1"), ("a.webm", "av1"), ("a.webm", "vp8"), ("a.webm", "vp9"),
     ("a.avi", "mpeg4"), ("a.avi", "mjpeg"), ("a.avi", "h264"), ("a.flv", "flv1"),
     ("a.mkv", "mpeg2video"), ("a.mov", "prores")],
)  # fmt: skip
def test_clips_of_every_container_and_codec(tmp_path, name, codec):
    path = astronaut_clip(tmp_path / name, codec, seconds=2, size=(256, 128))
    media, frames = decode(path, moments=5)
    assert (media.type, media.width, media.height) == ("video", 256, 128)
    assert (media.format, media.codec) == (name[2:], codec)
    assert media.duration == pytest.approx(2.0, abs=0.05)
    assert media.fps == pytest.approx(25, rel=0.02) and abs(media.frames - 50) <= 1
    assert [read_stamp(frame.image) for frame in frames] == [5, 15, 25, 35, 45]
    assert [frame.time for frame in frames] == pytest.approx([0.2, 0.6, 1.0, 1.4, 1.8], abs=0.002)
    assert difference(frames[2].image, stamp(astronaut(256, 128), 25)) < 14


@pytest.mark.parametrize("gop", [1, 10, 250])
@pytest.mark.parametrize(
    "options", [{}, {"preset": "veryfast", "bf": "3", "x264-params": "open-gop=1:b-pyramid=normal"}]
)
def test_each_frame_is_the_one_of_its_time(tmp_path, gop, options):
    path = astronaut_clip(tmp_path / "a.mp4", seconds=6, size=(256, 64), gop=gop, **options)
    _, frames = decode(path, moments=7)
    assert len(frames) == 7
    assert [round(frame.time * 25) for frame in frames] == [read_stamp(f.image) for f in frames]
    assert [frame.index for frame in frames] == list(range(7))


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


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "ffv1"), ("a.avi", "huffyuv")])
def test_codecs_outside_the_list_are_named(tmp_path, name, codec):
    with pytest.raises(UnsupportedCodec, match=codec):
        decode(astronaut_clip(tmp_path / name, codec, seconds=0.1, size=(64, 64)))


def test_an_unusual_file_name(tmp_path):
    name = os.fsdecode("concat:a|b \xff видео.mp4".encode("latin-1", "ignore") + b"\xff.mp4")
    path = astronaut_clip(tmp_path / "a.mp4", seconds=0.1).rename(tmp_path / name)
    assert len(decode(path)[1]) == 2
