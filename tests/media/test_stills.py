"""Images: every format and colour mode, upright and in true colours; animated ones as clips."""

from __future__ import annotations

import struct

import numpy as np
import pillow_heif
import pytest
import tifffile
from PIL import Image, ImageCms, PngImagePlugin

from backend.errors import TooLong, UnsupportedCodec
from backend.media.channel import LONG_SIDE
from backend.media.decode import Decoder
from backend.media.intake import check
from backend.settings import load_settings
from tests.made_media import (
    astronaut,
    astronaut_animation,
    astronaut_clip,
    astronaut_image,
    decode,
    difference,
    read_stamp,
    stamp,
)


@pytest.mark.parametrize(
    "extension", ["jpg", "mpo", "png", "gif", "bmp", "tiff", "webp", "heic", "avif"]
)
def test_stills_of_every_format(tmp_path, extension):
    media, frames = decode(astronaut_image(tmp_path / f"a.{extension}", (200, 120)))
    assert (media.type, media.width, media.height) == ("image", 200, 120)
    assert (media.duration, media.fps, media.frames) == (None, None, 1)
    assert len(frames) == 1 and frames[0].time == 0.0 and frames[0].index == 0
    image = frames[0].image
    assert image.dtype == np.uint8 and image.shape == (120, 200, 3) and image.flags.c_contiguous
    assert difference(image, astronaut(200, 120)) < 8


@pytest.mark.parametrize("extension", ["jpg", "png", "tiff", "webp", "heic", "avif"])
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
    stored.save(path, exif=exif.tobytes())  # from an object pillow-heif takes no orientation
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
    ramp[0, 0], ramp[0, 1] = np.nan, np.inf  # where nothing was measured
    Image.fromarray(ramp).save(tmp_path / "a.tiff")
    assert np.array_equal(decode(tmp_path / "a.tiff")[1][0].image[1, :, 0], row)


@pytest.mark.parametrize("kind", ["float32", "float64", "uint32", "planes"])
def test_a_tiff_of_a_kind_that_is_not_read_is_not_called_damaged(tmp_path, kind):
    picture = astronaut(64, 64) / 255
    options = {"photometric": "rgb"}
    if kind == "planes":
        picture = (picture.transpose(2, 0, 1) * 65535).astype(np.uint16)
        options["planarconfig"] = "separate"
    tifffile.imwrite(tmp_path / "a.tif", picture.astype(getattr(np, kind, np.uint16)), **options)
    with pytest.raises(UnsupportedCodec, match="Save it as JPEG or PNG with 8 bits a channel"):
        decode(tmp_path / "a.tif")


@pytest.mark.parametrize("options", [{"bigtiff": True}, {"extrasamples": ["unassalpha"]}])
def test_a_large_tiff_and_an_alpha_channel_that_nobody_filled(tmp_path, options):
    picture = astronaut(64, 64)
    if "extrasamples" in options:
        picture = np.dstack([picture, np.zeros((64, 64), np.uint8)])
    tifffile.imwrite(tmp_path / "a.tif", picture, photometric="rgb", **options)
    assert difference(decode(tmp_path / "a.tif")[1][0].image, astronaut(64, 64)) == 0


def test_a_bitmap_whose_alpha_channel_is_empty_shows_its_picture(tmp_path):
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[..., :3] = astronaut(64, 64)[::-1, :, ::-1]
    header = struct.pack("<IiiHHIIiiII", 108, 64, 64, 1, 32, 3, pixels.nbytes, 0, 0, 0, 0)
    header += struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs" + bytes(48)
    start = struct.pack("<IHHI", 122 + pixels.nbytes, 0, 0, 122)
    (tmp_path / "a.bmp").write_bytes(b"BM" + start + header + pixels.tobytes())
    assert difference(decode(tmp_path / "a.bmp")[1][0].image, astronaut(64, 64)) == 0


def test_a_heic_of_tiles_of_several_photos_and_of_tracks(tmp_path, monkeypatch):
    monkeypatch.setattr(pillow_heif.options, "GRID_TILE_SIZE", 128)
    tiles = astronaut_image(tmp_path / "tiles.heic", (300, 200))
    assert difference(decode(tiles)[1][0].image, astronaut(300, 200)) < 8
    first, second = (Image.fromarray(astronaut(*size)) for size in ((200, 120), (120, 200)))
    first.save(tmp_path / "two.heic", save_all=True, append_images=[second])
    media, frames = decode(tmp_path / "two.heic")
    assert (media.type, len(frames), frames[0].image.shape) == ("image", 1, (120, 200, 3))
    burst = astronaut_clip(tmp_path / "burst.mp4", "hevc", seconds=1, size=(256, 128)).read_bytes()
    head = burst[:4] + b"ftypmsf1\0\0\0\0msf1hevciso8"  # as the standard names image sequences
    (tmp_path / "burst.heics").write_bytes(head + burst[28:].replace(b"vide", b"pict"))
    media, frames = decode(tmp_path / "burst.heics", moments=4)
    assert (media.type, media.format, media.frames) == ("video", "heic", 25)
    assert [read_stamp(frame.image) for frame in frames] == [round(25 * f.time) for f in frames]


@pytest.mark.parametrize("size", [(8160, 6144), (16320, 12240), (15000, 4000)])
def test_photographs_of_new_phones_and_panoramas_are_reduced_while_they_are_decoded(tmp_path, size):
    picture = Image.new("L", size, "grey")
    side = size[1] // 2
    person = Image.fromarray(astronaut(side, side)).convert("L")
    picture.paste(person, (side, side // 2))
    picture.save(tmp_path / "a.jpg", quality=80)
    media, (frame,) = decode(tmp_path / "a.jpg", decode_memory_mb=700)
    assert (media.width, media.height) == size
    height, width, _ = frame.image.shape
    assert 3600 < width <= LONG_SIDE and abs(width / height - size[0] / size[1]) < 0.01
    place = slice(height // 4, height // 4 * 3), slice(height // 2, height)
    shown = frame.image[place][..., 0]
    assert difference(shown, person.resize(shown.shape[::-1])) < 6


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
    path = astronaut_image(tmp_path / "large.png", (5000, 500))
    media, frames = decode(path)
    assert (media.width, media.height) == (5000, 500)
    assert frames[0].image.shape == (410, LONG_SIDE, 3)
    small = Image.fromarray(astronaut(5000, 500)).resize((LONG_SIDE, 410))
    assert difference(frames[0].image, small) < 6


def test_a_large_photograph_is_read_at_a_half_and_again_at_its_size_when_asked(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned
    path = astronaut_image(tmp_path / "large.jpg", (5000, 500), quality=95, exif=exif)
    settings = load_settings(_env_file=None)
    with Decoder(settings).open(check(path, path.name, settings)) as clip:
        (frame,) = clip
        assert clip.reduced and clip.facts.jpeg_quality == 95
        again = clip.finer()
    assert (clip.media.width, clip.media.height) == (500, 5000)
    for image, side in ((frame.image, 2500), (again.image, LONG_SIDE)):
        image = np.rot90(image)
        assert image.shape[1] == side
        small = Image.fromarray(astronaut(5000, 500)).resize(image.shape[1::-1])
        assert difference(image, small) < 6


@pytest.mark.parametrize("extension", ["jpg", "png"])
def test_a_very_thin_picture_keeps_a_row(tmp_path, extension):
    path = astronaut_image(tmp_path / f"thin.{extension}", (20000, 2))
    media, (frame,) = decode(path)
    assert (media.width, media.height) == (20000, 2)
    assert frame.image.shape == (1, LONG_SIDE, 3)


def test_many_long_notes_in_any_script_are_read(tmp_path):
    notes = PngImagePlugin.PngInfo()
    for number in range(60):
        notes.add_itxt(f"note {number}", "\U0001f642" * 200)
    path = astronaut_image(tmp_path / "notes.png", (64, 64), pnginfo=notes)
    settings = load_settings(_env_file=None)
    with Decoder(settings).open(check(path, path.name, settings)) as clip:
        assert len(list(clip)) == 1 and len(clip.facts.metadata) >= 30


def test_a_smaller_photograph_is_read_whole(tmp_path):
    path = astronaut_image(tmp_path / "small.jpg", (1600, 1200))
    settings = load_settings(_env_file=None)
    with Decoder(settings).open(check(path, path.name, settings)) as clip:
        (frame,) = clip
        assert frame.image.shape == (1200, 1600, 3) and not clip.reduced


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


@pytest.mark.parametrize("extension", ["gif", "webp", "png", "apng", "avif"])
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
