"""Reads stills and animated images with Pillow, as 8-bit RGB, upright, transparent parts white."""

import importlib
import re
import warnings
from io import BytesIO

import metadata
import video
import wire
from colours import ORIENTATION, lies_on_its_side, strips, upright_rgb
from PIL import Image, ImageFile, PngImagePlugin, UnidentifiedImageError
from sampling import on_screen

for _name in ("Bmp", "Gif", "Jpeg", "Mpo", "Png", "Tiff", "WebP"):  # no job has to wait for these
    importlib.import_module(f"PIL.{_name}ImagePlugin")
_PILLOW = {  # format -> (what Pillow may try, what it may find); MPO: a JPEG with a depth map
    "jpeg": (["JPEG", "MPO"], {"JPEG", "MPO"}),
    "png": (["PNG"], {"PNG"}),
    "gif": (["GIF"], {"GIF"}),
    "bmp": (["BMP"], {"BMP"}),
    "tiff": (["TIFF"], {"TIFF"}),
    "webp": (["WEBP"], {"WEBP"}),
    "heic": (["HEIF"], {"HEIF"}),
    "avif": (["AVIF"], {"AVIF"}),
}
# The further pictures of a TIFF are pages, of a HEIC other photos, of an MPO depth maps.
_ANIMATED = {"gif", "webp", "png", "avif"}
_STEPS = (  # the table for lightness of ITU-T T.81, annex K, which is the IJG's quality 50
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
_BROWSER_DELAY = 100  # ms: what browsers show for delays of 10 ms and less
_MOST_TEXT = 16 << 20  # bytes of one text or profile of a PNG, unpacked; some profiles have two MB
_REDUCED = 2  # times the limit of pixels that a JPEG may have: it is reduced while it is decoded
_BITS, _PLANES = 258, 284  # tags of TIFF: bits of each channel; 2 if each lies in its own plane
_NEAR = 0.99  # of the longest side that is sent: a JPEG unpacked to as much is not unpacked larger
_UNKNOWN = re.compile(
    "(?i)unsupported|not supported|unknown (pixel|raw) mode|unknown data organi|cannot handle|"
    "decoder .* not available|no decod"
)
_FIRST_SIDE = 1536  # px that the longer side of a photograph keeps in its quick reading, at a half


def read(job: dict, out: wire.Wire) -> dict:
    """Send the media facts and pictures of the image `job["path"]`; returns its metadata."""
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    PngImagePlugin.MAX_TEXT_CHUNK = _MOST_TEXT
    try:
        return _read(job, out)
    except (wire.Refused, MemoryError, BrokenPipeError):
        raise
    except Exception as error:  # noqa: BLE001  # libraries that parse hostile bytes raise anything
        if job["format"] == "heic" and not out.began and _has_frames(job):
            return video.read(job, out)
        mended = None if out.began else _mended(job)
        if mended is None:
            raise wire.Refused("kind") if _is_of_unknown_kind(job, error) else error from None
    job["mended"] = mended
    return _read(job, out)


def _has_frames(job: dict) -> bool:
    """Whether a HEIC has tracks, as a burst of pictures has; libheif reads none of those."""
    with open(job["path"], "rb") as stream:
        return b"moov" in stream.read()


def _mended(job: dict):
    import repair  # few need it

    return repair.mended(job)


def _read(job: dict, out: wire.Wire) -> dict:
    try:
        with _opened(job) as image:
            reduced = False
            if job["format"] in _ANIMATED and getattr(image, "n_frames", 1) > 1:
                _animation(image, job, out)
            else:
                reduced = _still(image, job, out)
            quality = _quality(getattr(image, "quantization", None))
            tags, notes = metadata.of_image(image), [*getattr(job.get("mended"), "notes", ())]
            if tags is None and "metadata_damaged" not in notes:
                notes.append("metadata_damaged")
            facts = {"metadata": tags or [], "jpeg_quality": quality, "notes": notes}
            return facts | {"reduced": reduced}
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise wire.Refused("pixels") from None


def _opened(job: dict) -> Image.Image:
    """The picture, whose size is within the limit; not decoded yet."""
    format, mended = job["format"], job.get("mended")
    if format == "heic":
        import pillow_heif  # slow to import

        pillow_heif.register_heif_opener(
            decode_threads=2, thumbnails=False, depth_images=False, aux_images=False
        )
    elif format == "avif":
        importlib.import_module("PIL.AvifImagePlugin")
    names, accepted = _PILLOW[format]
    most = job["max_pixels"] * (_REDUCED if format == "jpeg" else 1)
    Image.MAX_IMAGE_PIXELS = most
    source = BytesIO(mended.data) if mended else job["path"]
    image = Image.open(source, formats=names)
    if image.format not in accepted:
        raise wire.Refused("mismatch")
    if image.width * image.height > most:
        raise wire.Refused("pixels")
    if format == "tiff" and _lies_in_planes(image):
        raise wire.Refused("kind")
    if mended:
        ImageFile.LOAD_TRUNCATED_IMAGES = "incomplete" in mended.notes
        image.getexif()[ORIENTATION] = mended.turn
    return image


def _lies_in_planes(image: Image.Image) -> bool:
    """Whether it has more than 8 bits in planes of their own, which Pillow reads wrongly."""
    return image.tag_v2.get(_PLANES) == 2 and max(image.tag_v2.get(_BITS, (8,))) > 8


def _is_of_unknown_kind(job: dict, error: Exception) -> bool:
    """Whether the picture is refused for how it is coded, not for damage."""
    if isinstance(error, UnidentifiedImageError):  # which keeps the reason to itself
        try:
            with open(job["path"], "rb") as stream:
                Image.OPEN[_PILLOW[job["format"]][0][0]][0](stream, job["path"])
        except Exception as reason:  # noqa: BLE001
            error = reason
    return _UNKNOWN.search(str(error)) is not None


def finer(job: dict, out: wire.Wire) -> None:
    """Send the JPEG `job["path"]`, whose first picture was `reduced`, as large as is allowed."""
    with _opened(job) as image:
        side = job["long_side"] * _NEAR
        _reduce(image, side / max(image.size), job)
        picture = upright_rgb(image, job["long_side"])
        out.frame(0.0, picture.height, picture.width, strips(picture))


def _reduce(image: Image.Image, share: float, job: dict) -> None:
    """Have a JPEG unpacked at a half, a quarter or an eighth, but not below this share of it."""
    image.draft(None, tuple(max(1, round(side * share)) for side in image.size))
    if image.width * image.height > job["max_pixels"]:
        raise wire.Refused("pixels")


def _still(image: Image.Image, job: dict, out: wire.Wire) -> bool:
    """Send a still; returns whether `finer` could send it larger.

    A JPEG can be unpacked at a half of its size. What most photographs show of a face is then still
    more than the networks look at, and they take a third of the time.
    """
    (width, height), longer = image.size, max(image.size)
    largest = job["long_side"] * _NEAR
    if job["format"] == "jpeg":
        _reduce(image, max(_FIRST_SIDE, min(longer / 2, largest)) / longer, job)
    reduced = max(image.size) < min(longer, largest)
    image.load()
    # Pillow turns a TIFF while loading it, and forgets its tag; the others are still to be turned.
    if lies_on_its_side(image) or (job["format"] == "tiff" and image.width != width):
        width, height = height, width
    picture = upright_rgb(image, job["long_side"])
    _media(job, out, "image", (width, height), duration=None, fps=None, frames=1)
    out.frame(0.0, picture.height, picture.width, strips(picture))
    return reduced


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
            size = image.size[::-1] if lies_on_its_side(image) else image.size
            fps = count / duration
            _media(job, out, "video", size, duration=duration, fps=fps, frames=count)
        out.frame(starts[number] / 1000, picture.height, picture.width, strips(picture))


def _media(job: dict, out: wire.Wire, kind: str, size: tuple[int, int], **times) -> None:
    name = job["format"]
    out.media(type=kind, format=name, codec=name, width=size[0], height=size[1], **times)


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
