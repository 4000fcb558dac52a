"""Reads stills and animated images with Pillow, as 8-bit RGB, upright, transparent parts white."""

import warnings
from collections.abc import Iterator
from io import BytesIO

import metadata
import wire
from PIL import Image, ImageFile, ImageOps
from sampling import on_screen

_PILLOW = {  # format -> (what Pillow may try, what it may find); MPO: a JPEG with a depth map
    "jpeg": (["JPEG", "MPO"], {"JPEG", "MPO"}),
    "png": (["PNG"], {"PNG"}),
    "gif": (["GIF"], {"GIF"}),
    "bmp": (["BMP"], {"BMP"}),
    "tiff": (["TIFF"], {"TIFF"}),
    "webp": (["WEBP"], {"WEBP"}),
}
_ANIMATED = {"gif", "webp", "png"}  # the further pictures of a TIFF are pages, of an MPO depth maps
_STEPS = (  # the table for lightness of ITU-T T.81, annex K, which is the IJG's quality 50
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
_ORIENTATION = 0x0112  # the tag of EXIF
_STRIP = 64  # rows copied at once
_BROWSER_DELAY = 100  # ms: what browsers show for delays of 10 ms and less
_FIRST_SIDE = 1536  # px that the longer side of a photograph keeps in its quick reading, at a half


def read(job: dict, out: wire.Wire) -> dict:
    """Send the media facts and pictures of the image `job["path"]`; returns its metadata."""
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    Image.MAX_IMAGE_PIXELS = job["max_pixels"]
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    formats, accepted = _PILLOW[job["format"]]
    try:
        with Image.open(job["path"], formats=formats) as image:
            if image.format not in accepted:
                raise wire.Refused("mismatch")
            if image.width * image.height > job["max_pixels"]:
                raise wire.Refused("pixels")
            reduced = False
            if job["format"] in _ANIMATED and getattr(image, "n_frames", 1) > 1:
                _animation(image, job, out)
            else:
                reduced = _still(image, job, out)
            quality = _quality(getattr(image, "quantization", None))
            facts = {"metadata": metadata.of_image(image), "jpeg_quality": quality}
            return facts | {"reduced": reduced}
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise wire.Refused("pixels") from None


def finer(job: dict, out: wire.Wire) -> None:
    """Send the JPEG `job["path"]`, whose first picture was `reduced`, as large as is allowed."""
    with Image.open(job["path"], formats=_PILLOW["jpeg"][0]) as image:
        image.draft(None, (job["long_side"], job["long_side"]))
        picture = upright_rgb(image, job["long_side"])
        out.frame(0.0, picture.height, picture.width, strips(picture))


def _still(image: Image.Image, job: dict, out: wire.Wire) -> bool:
    """Send a still; returns whether `finer` could send it larger.

    A JPEG can be unpacked at a half of its size. What most photographs show of a face is then still
    more than the networks look at, and they take a third of the time.
    """
    width, height = image.size
    if job["format"] == "jpeg":
        longer = max(image.size)
        share = max(_FIRST_SIDE, min(longer / 2, job["long_side"])) / longer
        image.draft(None, tuple(max(1, round(side * share)) for side in image.size))
    reduced = image.width < min(width, job["long_side"])
    image.load()
    # Pillow turns a TIFF while loading it, and forgets its tag; the others are still to be turned.
    if _lies_on_its_side(image) or (job["format"] == "tiff" and image.width != width):
        width, height = height, width
    picture = upright_rgb(image, job["long_side"])
    _media(job, out, "image", (width, height), duration=None, fps=None, frames=1)
    out.frame(0.0, picture.height, picture.width, strips(picture))
    return reduced


def _lies_on_its_side(image: Image.Image) -> bool:
    return image.getexif().get(_ORIENTATION) in (5, 6, 7, 8)


def _animation(image: Image.Image, job: dict, out: wire.Wire) -> None:
    """First pass: show times. Second pass: the pictures shown at the centres of equal slices."""
    starts, clock = [], 0  # ms
    for number in range(image.n_frames):
        image.seek(number)
        image.load()
        delay = round(image.info.get("duration") or 0)
        starts.append(clock)
        clock += delay if delay > 10 else _BROWSER_DELAY
        if clock > job["max_duration"] * 1000:
            raise wire.Refused("long")
    duration, count = clock / 1000, len(starts)
    for place, number in enumerate(on_screen(starts, clock, job["moments"])):
        image.seek(number)
        picture = upright_rgb(image, job["long_side"])
        if place == 0:
            size = image.size[::-1] if _lies_on_its_side(image) else image.size
            fps = count / duration
            _media(job, out, "video", size, duration=duration, fps=fps, frames=count)
        out.frame(starts[number] / 1000, picture.height, picture.width, strips(picture))


def _media(job: dict, out: wire.Wire, kind: str, size: tuple[int, int], **times) -> None:
    name = job["format"]
    out.media(type=kind, format=name, codec=name, width=size[0], height=size[1], **times)


def upright_rgb(image: Image.Image, long_side: int) -> Image.Image:
    """The picture as people see it: sRGB, 8 bits, on white, turned, at most `long_side` px long.

    It may be `image` itself: copying a photograph takes longer than most of what is done to it.
    """
    profile, turned = image.info.get("icc_profile"), image.getexif().get(_ORIENTATION, 1) != 1
    image = _eight_bits(image)
    if turned:
        image = ImageOps.exif_transpose(image)
    if max(image.size) > long_side:
        size = [max(1, round(side * long_side / max(image.size))) for side in image.size]
        image = image.resize(size, Image.Resampling.BOX)
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    image = _srgb(image, profile)
    if alpha:
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=alpha)
        image = white
    return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """A mode that can be resized: L, LA, RGB, RGBA or CMYK."""
    if image.mode in ("L", "LA", "RGB", "RGBA", "CMYK"):
        return image
    if image.mode in ("P", "PA"):
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.mode == "1":
        return image.convert("L")
    if image.mode.startswith(("I", "F")):
        return _scaled_grey(image)
    return image.convert("RGBA" if image.mode in ("La", "RGBa") else "RGB")


def _scaled_grey(image: Image.Image) -> Image.Image:
    """Grey of 16 bits over its whole range; of 32 bits and floats over the range that it uses."""
    low, high = (0, 65535) if image.mode.startswith("I;16") else image.getextrema()
    if image.mode.startswith("I;16"):
        image = image.convert("I")
    scale = 255 / (high - low) if high > low else 0.0
    return image.convert("F").point(lambda value: value * scale - low * scale).convert("L")


def _srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert to RGB, through the file's colour profile where it has a usable one."""
    base = image.convert(image.mode.removesuffix("A")) if image.mode in ("LA", "RGBA") else image
    if profile and b"sRGB" not in profile:
        from PIL import ImageCms  # rarely needed and slow to import

        try:
            target = ImageCms.createProfile("sRGB")
            return ImageCms.profileToProfile(base, BytesIO(profile), target, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            return base.convert("RGB")  # a broken profile: browsers ignore it too
    return base if base.mode == "RGB" else base.convert("RGB")


def strips(picture: Image.Image) -> Iterator[bytes]:
    """The rows of an RGB picture, a few at a time: no second copy of the whole is made."""
    for top in range(0, picture.height, _STRIP):
        bottom = min(top + _STRIP, picture.height)
        yield picture.crop((0, top, picture.width, bottom)).tobytes()


def _quality(tables: dict[int, list[int]] | None) -> int | None:
    """The quality, 1 to 100, at which the IJG's encoder is as coarse as this JPEG is for lightness;
    None for other formats."""
    if not tables:
        return None
    coarseness = sum(tables[min(tables)])
    return min(range(1, 101), key=lambda quality: abs(_coarseness(quality) - coarseness))


def _coarseness(quality: int) -> int:
    """Sum of the encoder's table for lightness."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return sum(min(max((step * scale + 50) // 100, 1), 255) for step in _STEPS)
