"""Reads what a file says of itself: EXIF, XMP, comments and tags, as short printable text."""

import re

MOST, NAME, VALUE = 60, 60, 200  # entries; characters of a name and of a value
_LONGEST = 1 << 20  # bytes of XMP or EXIF that are looked at

_CAMERA = {
    0x010F: "Make",
    0x0110: "Model",
    0x0131: "Software",
    0x013C: "HostComputer",
    0x0132: "DateTime",
    0x010E: "ImageDescription",
    0x013B: "Artist",
    0x8298: "Copyright",
}
_EXPOSURE = {
    0x9003: "DateTimeOriginal",
    0x9011: "OffsetTimeOriginal",
    0x9286: "UserComment",
    0xA433: "LensMake",
    0xA434: "LensModel",
    0x829A: "ExposureTime",
    0x829D: "FNumber",
    0x8827: "ISO",
    0x920A: "FocalLength",
}
_EXPOSURE_IFD, _GPS_IFD = 0x8769, 0x8825
# As an attribute or as an element. No XML parser sees an upload: nothing to expand or to fetch.
_XMP = re.compile(
    r"\b((?:xmp:(?:CreatorTool|CreateDate|ModifyDate)|photoshop:(?:Credit|Source|DateCreated)"
    r"|dcterms:provenance|Iptc4xmpExt:DigitalSourceType|GCamera:\w{1,40}"
    r"|tiff:(?:Make|Model|Software)))\s*(?:=\s*[\"']([^\"'<]{1,500})|>\s*([^<]{1,500}))"
)
_PARTS = {"exif", "xmp", "XML:com.adobe.xmp", "icc_profile", "photoshop", "adobe", "raw mode"}

Tags = list[tuple[str, str]]


def of_image(image) -> Tags | None:
    """The metadata of an open Pillow image.

    Returns:
        (name, value), at most `MOST`; names of EXIF begin with "EXIF ", those of XMP with "XMP ".
        None where it is damaged.
    """
    try:
        return tidy(_of_image(image))
    # Made to do harm, it raises nearly anything; the pictures were read, and the reader is told.
    except Exception:  # noqa: BLE001
        return None


def _of_image(image) -> Tags:
    found: Tags = []
    if len(image.info.get("exif") or b"") <= _LONGEST:  # HEIC says None where there is none
        exif = image.getexif()
        found += _exif(exif, _CAMERA) + _exif(exif.get_ifd(_EXPOSURE_IFD), _EXPOSURE)
        if exif.get_ifd(_GPS_IFD):
            found.append(("EXIF GPS", "a position is stored"))
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    found += _xmp(xmp if isinstance(xmp, str) else bytes(xmp)[:_LONGEST].decode("utf-8", "replace"))
    for name, value in image.info.items():  # PNG texts, comments of JPEG and GIF
        if isinstance(name, str) and name not in _PARTS and isinstance(value, (str, bytes)):
            found.append((name, value))
    return found


def of_container(container, stream) -> tuple[Tags, dict[str, str]]:
    """The tags of an open PyAV container, and facts about how it was made."""
    found = [*container.metadata.items(), *stream.metadata.items()]
    facts = [("format", container.format.long_name)]
    if stream.type == "video":
        facts.append(("video codec", stream.codec_context.name))
    if stream.type == "video" and stream.codec_context.profile:
        facts.append(("video profile", stream.codec_context.profile))
    sound = [other.codec_context for other in container.streams.audio]
    facts += [("sound codec", codec.name) for codec in sound[:1] if codec]
    facts.append(("streams", str(len(container.streams))))
    tags = dict(tidy(found))
    for fact, names in (
        ("brand", ("major_brand",)),
        ("written by", ("encoder", "com.apple.quicktime.software", "writing_application")),
        ("handler", ("handler_name",)),
    ):
        facts += [(fact, tags[name]) for name in names if name in tags][:1]
    return tidy(found), dict(tidy(facts))


def tidy(found) -> Tags:
    """The entries without what is empty or doubled, printable and short."""
    tidied: dict[str, str] = {}
    for name, value in found:
        name, value = printable(name, NAME), printable(value, VALUE)
        if name and value and name not in tidied and len(tidied) < MOST:
            tidied[name] = value
    return list(tidied.items())


def printable(value, most: int) -> str:
    """One line of at most `most` characters that nothing obeys: no controls, no change of reading
    direction, no lone surrogates."""
    if isinstance(value, bytes):
        value = value.removeprefix(b"ASCII\0\0\0").rstrip(b"\0").decode("utf-8", "replace")
    text = str(value)[: 4 * most].encode("utf-8", "replace").decode()
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _exif(tags, names: dict[int, str]) -> Tags:
    return [(f"EXIF {name}", tags[tag]) for tag, name in names.items() if tag in tags]


def _xmp(text: str) -> Tags:
    return [(f"XMP {m[1]}", m[2] or m[3]) for m in _XMP.finditer(text)]
