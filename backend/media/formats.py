"""The one table of formats: what each is called and told by, and whether it is read or refused.

Page, API, README and refusals are printed from it; so does `python -m backend formats`.
"""

from __future__ import annotations

from dataclasses import dataclass

from backend.media.signatures import (
    Sign,
    asf_of_pictures,
    asf_of_sound,
    begins,
    bitmap,
    brand,
    digital_video,
    ebml,
    mpeg_sound,
    ogg,
    opus,
    quicktime,
    riff,
    says,
    transport_stream,
    zeros,
)
from backend.records.media import Kind


@dataclass(frozen=True, slots=True)
class Format:
    """A format that is read.

    Attributes:
        name: for programs, as in `Media.format`.
        kind: "image" (decoded by Pillow), "video" or "audio" (by PyAV). A clip may turn out to have
            no pictures, and a recording to have some.
        what: it in a sentence: its article, what people call it, and "picture", "clip" or
            "recording".
        extensions: the endings of its files' names, the usual one first.
        signs: a file is of this format if one of them fits.
    """

    name: str
    kind: Kind
    what: str
    extensions: tuple[str, ...]
    signs: tuple[Sign, ...]

    @property
    def title(self) -> str:
        """What people call it, such as "JPEG"."""
        return self.what.split(" ", 1)[1].rsplit(" ", 1)[0]


@dataclass(frozen=True, slots=True)
class Foreign:
    """Something that people send and that is refused.

    Attributes:
        what: it in a sentence, with its article.
        advice: a sentence: how to make of it what is read.
        signs: a file is this if one of them fits.
    """

    what: str
    advice: str
    signs: tuple[Sign, ...]


IMAGE, VIDEO, AUDIO = "image", "video", "audio"
_CALLED = {IMAGE: "picture", VIDEO: "clip", AUDIO: "recording"}
FORMATS = (
    Format("jpeg", IMAGE, "a JPEG picture",
           (".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg", ".pjp", ".mpo"),
           (begins(b"\xff\xd8\xff"),)),
    Format("png", IMAGE, "a PNG picture", (".png", ".apng"), (begins(b"\x89PNG\r\n\x1a\n"),)),
    Format("avif", IMAGE, "an AVIF picture", (".avif", ".avifs"), (brand(b"avif", b"avis"),)),
    Format("heic", IMAGE, "a HEIC picture", (".heic", ".heif", ".hif", ".heics", ".heifs"),
           (brand(b"hei", b"hev", b"mif1", b"msf1", b"miaf"),)),
    Format("webp", IMAGE, "a WebP picture", (".webp",), (riff(b"WEBP"),)),
    Format("gif", IMAGE, "a GIF picture", (".gif",), (begins(b"GIF87a", b"GIF89a"),)),
    Format("tiff", IMAGE, "a TIFF picture", (".tif", ".tiff"),
           (begins(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),)),
    Format("bmp", IMAGE, "a BMP picture", (".bmp", ".dib"), (bitmap,)),
    Format("mp4", VIDEO, "an MP4 clip", (".mp4", ".m4v", ".f4v"), (brand(),)),
    Format("mov", VIDEO, "a MOV clip", (".mov", ".qt"), (brand(b"qt  "), quicktime)),
    Format("3gp", VIDEO, "a 3GP clip", (".3gp", ".3gpp", ".3g2"), (brand(b"3g"),)),
    Format("mkv", VIDEO, "an MKV clip", (".mkv", ".mka"), (ebml(b"matroska"),)),
    Format("webm", VIDEO, "a WebM clip", (".webm", ".weba"), (ebml(b"webm"),)),
    Format("avi", VIDEO, "an AVI clip", (".avi",), (riff(b"AVI ", b"AVIX"),)),
    Format("flv", VIDEO, "an FLV clip", (".flv",), (begins(b"FLV\x01"),)),
    Format("wmv", VIDEO, "a WMV clip", (".wmv", ".asf"),
           (asf_of_pictures,)),
    Format("ogv", VIDEO, "an OGV clip", (".ogv", ".ogg", ".ogm"), (ogg,)),
    Format("mpg", VIDEO, "an MPG clip", (".mpg", ".mpeg", ".vob", ".m2p"),
           (begins(b"\0\0\1\xba"),)),
    Format("ts", VIDEO, "an MPEG-TS clip", (".ts", ".mts", ".m2ts", ".m2t"), (transport_stream,)),
    Format("dv", VIDEO, "a DV clip", (".dv", ".dif"), (digital_video,)),
    Format("mxf", VIDEO, "an MXF clip", (".mxf",),
           (begins(bytes.fromhex("060e2b34020501010d010201")),)),
    Format("wav", AUDIO, "a WAV recording", (".wav", ".wave", ".bwf"),
           (riff(b"WAVE"), begins(b"RF64"))),
    Format("mp3", AUDIO, "an MP3 recording", (".mp3", ".mp2", ".mpga"),
           (begins(b"ID3"), mpeg_sound)),
    Format("flac", AUDIO, "a FLAC recording", (".flac",), (begins(b"fLaC"),)),
    Format("aac", AUDIO, "an AAC recording", (".aac", ".adts"),
           (begins(b"\xff\xf1", b"\xff\xf9", b"\xff\xf0", b"\xff\xf8"),)),
    Format("opus", AUDIO, "an Opus recording", (".opus",), (opus,)),
    Format("ogg", AUDIO, "an Ogg recording", (".ogg", ".oga", ".spx"), (begins(b"OggS"),)),
    Format("m4a", AUDIO, "an M4A recording", (".m4a", ".m4b", ".m4r"), (brand(b"M4A", b"M4B"),)),
    Format("amr", AUDIO, "an AMR recording", (".amr", ".awb"), (begins(b"#!AMR"),)),
    Format("wma", AUDIO, "a WMA recording", (".wma",), (asf_of_sound,)),
)  # fmt: skip

_PICTURE = "Save it as JPEG or PNG, and send that."
_RAW = "Export it as JPEG from the program that develops your photos, and send that."
_CLIP = "Convert it to MP4, for example with VLC, HandBrake or ffmpeg, and send that."
_SOUND = "Convert it to MP3 or WAV, for example with VLC or ffmpeg, and send that."
_UNPACK = "Unpack it, and send the pictures and clips that are in it."
_WEB = "Open the page, save the picture or clip itself, and send that."
_SHOT = "Take the picture out of it, or make a screenshot of the page, and send that."
_MEDIA = "Send a picture or a clip."
FOREIGN = (
    Foreign("a JPEG XL picture", _PICTURE,
            (begins(b"\xff\x0a"), begins(b"\0\0\0\x0cJXL \r\n\x87\n"))),
    Foreign("a JPEG 2000 picture", _PICTURE,
            (begins(b"\xffO\xffQ"), begins(b"\0\0\0\x0cjP  \r\n\x87\n"))),
    Foreign("a Photoshop document (PSD)", _PICTURE, (begins(b"8BPS"),)),
    Foreign("an icon (ICO)", _PICTURE, (begins(b"\0\0\1\0", b"\0\0\2\0"),)),
    Foreign("an OpenEXR picture", _PICTURE, (begins(b"v/1\1"),)),
    Foreign("a Radiance HDR picture", _PICTURE, (begins(b"#?RADIANCE", b"#?RGBE"),)),
    Foreign("a DICOM picture", _PICTURE, (begins(b"DICM", at=128),)),
    Foreign("a GIMP picture (XCF)", _PICTURE, (begins(b"gimp xcf"),)),
    Foreign("a PNM picture", _PICTURE, (begins(*(b"P%d\n" % n for n in range(1, 8))),)),
    Foreign("a raw photo of a camera", _RAW,
            (brand(b"crx "), begins(b"CR\2\0", at=8), begins(b"FUJIFILMCCD-RAW"),
             begins(b"IIU\0", b"IIRO", b"IIRS", b"MMOR", b"FOVb", b"\0MRM"))),
    Foreign("an SVG drawing", _PICTURE, (says("<svg", "<!doctype svg"),)),
    Foreign("a RealMedia clip", _CLIP, (begins(b".RMF"),)),
    Foreign("a Flash film (SWF)", _CLIP, (begins(b"FWS", b"CWS", b"ZWS"),)),
    Foreign("a raw video stream", _CLIP,
            (begins(b"\0\0\1\xb3", b"\0\0\1\xb0", b"DKIF", b"YUV4MPEG2"),
             begins(*(start + b"\1" + kind for start in (b"\0\0\0", b"\0\0")
                      for kind in (b"\x09", b"\x67", b"\x27", b"\x40\x01", b"\x46\x01"))))),
    Foreign("a MIDI file", "It holds notes and no sound. Only faces and voices are judged.",
            (begins(b"MThd"),)),
    Foreign("a sound file of a kind that is not read", _SOUND,
            (begins(b"FORM", b"caff", b".snd", b"MAC ", b"wvpk", b"DSD "),)),
    Foreign("a playlist", "Send the clip that it names.",
            (says("#EXTM3U", "ffconcat", "[playlist]", "<?wpl", "<asx"),)),
    Foreign("a web page (HTML)", _WEB, (says("<!doctype html", "<html", "<head", "<body"),)),
    Foreign("an XML document", _WEB, (says("<?xml"),)),
    Foreign("a JSON document", _WEB, (says('{"', "[{", '{\n', "{\r\n"),)),
    Foreign("a ZIP archive or office document", _UNPACK, (begins(b"PK\3\4", b"PK\5\6"),)),
    Foreign("a RAR archive", _UNPACK, (begins(b"Rar!"),)),
    Foreign("a 7z archive", _UNPACK, (begins(b"7z\xbc\xaf\x27\x1c"),)),
    Foreign("a compressed file", _UNPACK,
            (begins(b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"),
             begins(b"ustar", at=257))),
    Foreign("a PDF document", _SHOT, (begins(b"%PDF"),)),
    Foreign("a PostScript document", _SHOT, (begins(b"%!PS", b"\xc5\xd0\xd3\xc6"),)),
    Foreign("an old office document", _SHOT, (begins(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),)),
    Foreign("a program", _MEDIA, (begins(b"MZ", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"#!"),)),
    Foreign("a side file of macOS (AppleDouble)",
            "Send the file of the same name that does not begin with “._”.",
            (begins(b"\0\5\x16\7", b"\0\5\x16\0"),)),
    Foreign("nothing but zeros", "The copy broke off. Copy the file again, and send that.",
            (zeros,)),
)  # fmt: skip

NAMED = {format.name: format for format in FORMATS}
EXTENSIONS = {ending: format for format in FORMATS for ending in format.extensions}
"""The format that a name with this ending promises."""

# More general signs come after those that they would hide.
_LAST = (NAMED["mp4"], NAMED["ts"])
_ORDER = (*(each for each in (*FORMATS, *FOREIGN) if each not in _LAST), *_LAST)


def sniff(head: bytes) -> Format | Foreign | None:
    """What the table knows a file as, by its first `signatures.HEAD` bytes."""
    return next((each for each in _ORDER if any(sign(head) for sign in each.signs)), None)


def titles(kind: Kind) -> str:
    """The names of the formats of a kind, for people: "JPEG, PNG, ... and BMP"."""
    *most, last = [format.title for format in FORMATS if format.kind == kind]
    return f"{', '.join(most)} and {last}"


def sentence() -> str:
    """What is read, as the README says it."""
    pictures, clips, sound = titles(IMAGE), titles(VIDEO), titles(AUDIO)
    return f"It reads pictures ({pictures}) and clips ({clips}). It hears sound ({sound})."


def accept(*kinds: Kind) -> str:
    """What a file chooser offers for these kinds: an `accept` attribute of HTML."""
    endings = [ending for ending, format in EXTENSIONS.items() if format.kind in kinds]
    return ",".join([f"{kind}/*" for kind in kinds] + endings)


def table() -> str:
    """What is read, as a Markdown table: that of docs/api.md."""
    rows = ["| kind | `media.format` | called | file names |", "|---|---|---|---|"]
    for format in FORMATS:
        endings = ", ".join(ending[1:] for ending in format.extensions)
        rows.append(f"| {_CALLED[format.kind]} | `{format.name}` | {format.title} | {endings} |")
    return "\n".join(rows)
