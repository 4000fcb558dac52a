"""Makes of any Pillow picture what people see: 8-bit sRGB, upright, transparent parts white."""

from collections.abc import Iterator
from io import BytesIO

from PIL import Image

ORIENTATION = 0x0112  # the tag of EXIF
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_STRIP = 64  # rows copied at once
_UNUSED_ALPHA = ("BMP", "TIFF")  # their programs leave it empty and show the picture all the same


def turn_of(image: Image.Image) -> int:
    """How the picture is to be turned: 1 to 8, as EXIF counts; 1 where its EXIF cannot be read."""
    try:
        turn = image.getexif().get(ORIENTATION, 1)
    except Exception:  # noqa: BLE001  # a stranger's bytes: they raise nearly anything
        turn = 1
    return turn if turn in _TURNS else 1


def lies_on_its_side(image: Image.Image) -> bool:
    """Whether width and height change their places when it is turned."""
    return turn_of(image) >= 5


def upright_rgb(image: Image.Image, long_side: int) -> Image.Image:
    """The picture as people see it: sRGB, 8 bits, on white, turned, at most `long_side` px long.

    It may be `image` itself: copying a photograph takes longer than most of what is done to it.
    """
    profile, turn = image.info.get("icc_profile"), turn_of(image)
    may_be_unused = image.format in _UNUSED_ALPHA
    image = _eight_bits(image)
    if turn != 1:  # its EXIF is not written again: it may hold what nobody can write
        image = image.transpose(_TURNS[turn])
    if max(image.size) > long_side:
        size = [max(1, round(side * long_side / max(image.size))) for side in image.size]
        image = image.resize(size, Image.Resampling.BOX)
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    if alpha and may_be_unused and alpha.getextrema() == (0, 0):
        alpha = None
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
    if image.mode == "F":
        image = _finite(image)
    low, high = (0, 65535) if image.mode.startswith("I;16") else image.getextrema()
    if image.mode.startswith("I;16"):
        image = image.convert("I")
    scale = 255 / (high - low) if high > low else 0.0
    return image.convert("F").point(lambda value: value * scale - low * scale).convert("L")


def _finite(image: Image.Image) -> Image.Image:
    """Floats without those that are no numbers: they become the lowest or the highest."""
    import numpy as np  # rarely needed

    pixels = np.array(image)
    known = pixels[np.isfinite(pixels)]
    low, high = (known.min(), known.max()) if known.size else (0, 0)
    return Image.fromarray(np.nan_to_num(pixels, nan=low, posinf=high, neginf=low))


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
