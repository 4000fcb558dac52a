"""Pictures: names and formats, many megapixels, broken metadata, reasons, crowds."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

from backend.training.measure.files.cases import Case, Rule, either, judged, like, refused, unjudged
from backend.training.measure.files.media import astronaut, rewrite, save

NAMED = (  # name, format of Pillow
    ("iphone.heic", "HEIF"), ("iphone.heif", "HEIF"), ("IMG_0012.jpg", "HEIF"),
    ("photo.avif", "AVIF"), ("avif_named.png", "AVIF"), ("photo.mpo", "MPO"),
    ("mpo_named.jpg", "MPO"),
    ("webp_named.jpg", "WEBP"), ("jpeg_named.png", "JPEG"), ("png_named.jpeg", "PNG"),
    ("gif_named.jpg", "GIF"), ("bmp_named.png", "BMP"), ("blob", "JPEG"), ("png_blob", "PNG"),
    ("image.jfif", "JPEG"), ("image.jpe", "JPEG"), ("PHOTO.JPG", "JPEG"),
    ("photo.jpg?width=300", "JPEG"), ("photo.jpg_large", "JPEG"), ("photo.jpg.download", "JPEG"),
    ("photo.txt", "JPEG"), ("photo.mp4", "JPEG"), (".jpg", "JPEG"), ("photo.apng", "PNG"),
)  # fmt: skip
FOREIGN = {  # name -> content, what the sentence must hold
    "page.jpg": (b"<!DOCTYPE html><html><body>not found</body></html>", "HTML"),
    "paper.jpg": (b"%PDF-1.7\n" + bytes(200), "PDF"),
    "photos.zip": (b"PK\x03\x04" + bytes(200), "ZIP"),
    "drawing.png": (b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", "SVG"),
    "photo.jxl": (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(200), "JPEG XL"),
    "layers.psd": (b"8BPS\0\1" + bytes(200), "Photoshop"),
    "song.mp3": (b"ID3\4" + bytes(200), "MP3"),
}
PHOTOS = (  # width, height, options for JPEG
    (8160, 6144, {}), (9248, 6936, {}), (12000, 9000, {}), (16320, 12240, {}), (15000, 4000, {}),
    (8160, 6144, {"progressive": True}), (30000, 3000, {}), (6144, 8160, {"subsampling": 0}),
)  # fmt: skip


def names(folder: Path) -> Iterator[Case]:
    """The astronaut in formats and under names as they are sent."""
    for name, format in NAMED:
        yield Case("names", save(folder / name, format), judged())
    for name, (content, word) in FOREIGN.items():
        (folder / name).write_bytes(content)
        yield Case("names", folder / name, refused(word))


def megapixels(folder: Path) -> Iterator[Case]:
    """The astronaut in the middle of large grey JPEGs, and bombs of a few kB."""
    for width, height, options in PHOTOS:
        path = folder / f"{'_'.join([f'{width}x{height}', *options])}.jpg"
        picture = Image.new("RGB", (width, height), (120, 120, 120))
        side = min(height * 3 // 4, width // 4)
        picture.paste(astronaut(side), ((width - side) // 2, (height - side) // 2))
        picture.save(path, quality=80, **options)
        yield Case("megapixels", path, judged())
    for side in (14_000, 40_000):
        yield Case(
            "megapixels",
            _bomb(folder / f"bomb_{side}.png", side),
            refused("pixels", code="too_many_pixels"),
        )


def _bomb(path: Path, side: int) -> Path:
    """A PNG of a few kB that unpacks to black pixels of one bit."""
    deflate = zlib.compressobj(1)
    row = bytes(1 + (side + 7) // 8)
    pixels = b"".join(deflate.compress(row) for _ in range(side)) + deflate.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks))
    return path


def _chunk(name: bytes, body: bytes, crc: int | None = None) -> bytes:
    crc = zlib.crc32(name + body) if crc is None else crc
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", crc)


def metadata(folder: Path) -> Iterator[Case]:
    """Pictures whose pixels are whole and whose ends or metadata are not."""
    jpeg, png = save(folder / "whole.jpg", "JPEG", quality=92), save(folder / "whole.png", "PNG")
    turned = astronaut().rotate(90, expand=True)  # what orientation 6 turns back
    sideways = save(folder / "sideways.jpg", "JPEG", turned, quality=92)
    lying = save(folder / "lying.png", "PNG", turned)
    yield from (Case("metadata", whole) for whole in (jpeg, png))
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", "a" * 1_600_000)
    packed = PngImagePlugin.PngInfo()
    packed.add_text("Comment", "a" * 1_600_000, zip=True)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    icc = b"ICC_PROFILE\0"
    six = struct.pack("<HHII", 0x0112, 3, 1, 6)  # orientation 6
    unknown = struct.pack("<HHII", 37510, 99, 4, 1)  # of no type that there is
    rational = six + struct.pack("<HHIIIii", 0x011A, 10, 1, 38, 0, -1, 0)
    made: dict[str, tuple[Path, Callable[[bytearray], bytes]]] = {
        "no_eoi.jpg": (jpeg, lambda b: b[:-2]),
        "short_40.jpg": (jpeg, lambda b: b[:-40]),
        "junk_behind.jpg": (jpeg, lambda b: b + bytes(5000)),
        "exif_rational_o6.jpg": (sideways, lambda b: _exif(b, rational, 2)),
        "exif_offset.jpg": (jpeg, lambda b: _exif(b, struct.pack("<HHII", 271, 2, 90, 1 << 23), 1)),
        "exif_type.jpg": (sideways, lambda b: _exif(b, six + unknown, 2)),
        "exif_junk.jpg": (jpeg, lambda b: _segment(b, 0xE1, b"Exif\0\0" + b"\xff" * 60)),
        "exif_cut.jpg": (jpeg, lambda b: _segment(b, 0xE1, b"Exif\0\0II*\0\x08\0\0\0\x40\0")),
        "icc_junk.jpg": (jpeg, lambda b: _segment(b, 0xE2, icc + b"\x01\x01" + bytes(500))),
        "icc_part.jpg": (jpeg, lambda b: _segment(b, 0xE2, icc + b"\x02\x09" + profile)),
        "exif_bad.png": (png, lambda b: _before_pixels(b, _chunk(b"eXIf", b"no header"))),
        "exif_o6.png": (lying, lambda b: _before_pixels(b, _chunk(b"eXIf", _tiff(six, 1)))),
        "text_crc.png": (png, lambda b: _before_pixels(b, _chunk(b"tEXt", b"Comment\0hello", 1))),
        "profile_junk.png": (png, lambda b: _before_pixels(b, _chunk(b"iCCP", b"x" + bytes(99)))),
        "no_iend.png": (png, lambda b: b[:-12]),
    }  # fmt: skip
    for name, (source, change) in made.items():
        path, control = rewrite(folder / name, source, change), jpeg if "jpg" in name else png
        yield Case("metadata", path, like(), control)
    large = profile + bytes(1_600_000)
    for name, format, options in (
        ("text_1600k.png", "PNG", {"pnginfo": texts}),
        ("text_packed.png", "PNG", {"pnginfo": packed}),
        ("profile_1600k.png", "PNG", {"icc_profile": large}),
        ("profile_1600k.jpg", "JPEG", {"icc_profile": large, "quality": 92}),
        ("exif_junk.webp", "WEBP", {"exif": b"Exif\0\0" + b"\xff" * 60, "lossless": True}),
    ):
        path = save(folder / name, format, **options)
        yield Case("metadata", path, like(), jpeg if format == "JPEG" else png)


def _segment(jpeg: bytearray, marker: int, body: bytes) -> bytes:
    return jpeg[:2] + struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body + jpeg[2:]


def _exif(jpeg: bytearray, entries: bytes, count: int) -> bytes:
    return _segment(jpeg, 0xE1, b"Exif\0\0" + _tiff(entries, count))


def _tiff(entries: bytes, count: int) -> bytes:
    """A directory of so many entries; after two of them, the values behind it begin at 38."""
    return b"II*\0\x08\0\0\0" + struct.pack("<H", count) + entries + bytes(4)


def _before_pixels(png: bytearray, chunk: bytes) -> bytes:
    at = png.index(b"IDAT") - 4
    return png[:at] + chunk + png[at:]


def reasons(folder: Path) -> Iterator[Case]:
    """Dark pictures, and kinds of pixels that few programs write."""
    whole = save(folder / "whole.png", "PNG")
    yield Case("reasons", whole)
    pixels = np.asarray(astronaut())
    dark: Rule = either(judged(), unjudged("face_too_dark"))
    for share in (0.3, 0.18, 0.1, 0.05):
        night = Image.fromarray((pixels * share).astype(np.uint8))
        yield Case("reasons", save(folder / f"night_{share}.jpg", "JPEG", night), dark)
    noise = np.random.default_rng(1).normal(0, 3, pixels.shape)
    night = Image.fromarray(np.clip(pixels * 0.15 + noise, 0, 255).astype(np.uint8))
    yield Case("reasons", save(folder / "night_noise.jpg", "JPEG", night), dark)
    blurred = Image.fromarray(cv2.GaussianBlur(pixels, None, 6))
    path = save(folder / "blurred.jpg", "JPEG", blurred, quality=90)
    yield Case("reasons", path, unjudged("face_blurred"))
    grey = Image.fromarray(np.asarray(astronaut().convert("L"), np.float32) / 255)
    path = save(folder / "float.tif", "TIFF", grey)
    yield Case("reasons", path, either(judged(), refused("float")))
    path = save(folder / "big.tif", "TIFF", big_tiff=True)
    yield Case("reasons", path, either(like(), refused("BigTIFF")), whole)
    yield Case("reasons", _clear_bitmap(folder / "empty_alpha.bmp"), like(), whole)


def _clear_bitmap(path: Path) -> Path:
    """A BMP of the fifth version whose alpha is there, and 0 everywhere."""
    clear = astronaut().convert("RGBA")
    clear.putalpha(0)
    pixels = clear.transpose(Image.Transpose.FLIP_TOP_BOTTOM).tobytes("raw", "BGRA")
    masks = 0xFF0000, 0xFF00, 0xFF, 0xFF000000
    sizes = struct.pack("<IiiHHIIiiII", 124, *clear.size, 1, 32, 3, len(pixels), 2835, 2835, 0, 0)
    header = (sizes + struct.pack("<5I", *masks, 0x73524742)).ljust(124, b"\0")  # sRGB
    path.write_bytes(struct.pack("<2sIII", b"BM", 138 + len(pixels), 0, 138) + header + pixels)
    return path


def crowds(folder: Path) -> Iterator[Case]:
    """Rows and columns of the astronaut's head."""
    for columns, rows, side in ((5, 5, 256), (6, 6, 200), (8, 5, 220), (10, 7, 160), (10, 10, 160)):
        path = _crowd(folder, columns, rows, side)
        yield Case("crowds", path, judged(columns * rows))
    path = _crowd(folder, 12, 10, 150)
    yield Case("crowds", path, _says_so)


def _says_so(row: dict, _: dict | None) -> bool:
    told = [each["code"] for each in row.get("quality") or ()]
    return len(row.get("tracks") or ()) >= 100 and any("faces" in code for code in told)


def _crowd(folder: Path, columns: int, rows: int, side: int) -> Path:
    head = astronaut().crop((96, 0, 352, 256)).resize((side, side), Image.Resampling.LANCZOS)
    picture = Image.new("RGB", (columns * side, rows * side))
    for number in range(columns * rows):
        picture.paste(head, (number % columns * side, number // columns * side))
    return save(folder / f"{columns}x{rows}.jpg", "JPEG", picture, quality=92)
