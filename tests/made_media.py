"""Makes the media files of the tests, of the astronaut and broken ones, and reads them back."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
import pillow_heif
from PIL import Image
from skimage import data

from backend.bench.clips import same_scheduling
from backend.media.decode import Decoder
from backend.media.intake import check
from backend.records.media import Frame, Media
from backend.settings import load_settings

pillow_heif.register_heif_opener()  # so that Pillow saves HEIC, too

STAMP = 16  # px: side of one block of the frame number written in the bottom row
ENCODERS = {  # codec name -> encoder and options for speed
    "h264": ("libx264", {"preset": "ultrafast", "threads": "1"}),
    "hevc": ("libx265", {"preset": "ultrafast", "x265-params": "log-level=none:pools=none"}),
    "vp8": ("libvpx", {"deadline": "realtime", "cpu-used": "8"}),
    "vp9": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
    "av1": ("libsvtav1", {"preset": "8", "svtav1-params": "lp=1"}),
    "flv1": ("flv", {}),
    "msmpeg4v3": ("msmpeg4", {}),
    "h263": ("h263p", {}),
}
MUXERS = {".m4v": "mp4", ".mpg": "mpeg", ".wmv": "asf", ".ogv": "ogg"}  # where FFmpeg has others
# (name, codec, what `astronaut_clip` needs beside them): clips of every container and codec that is
# read and for which there is an encoder.
CLIPS = [
    ("a.mp4", "h264", {}), ("a.mp4", "hevc", {}), ("a.mp4", "av1", {}), ("a.m4v", "h264", {}),
    ("a.3gp", "h264", {}), ("a.mkv", "h264", {}), ("a.flv", "h264", {}), ("a.ts", "h264", {}),
    ("a.webm", "av1", {}), ("a.webm", "vp8", {}), ("a.webm", "vp9", {}), ("a.ogv", "vp8", {}),
    ("a.avi", "mpeg4", {}), ("a.avi", "mjpeg", {}), ("a.avi", "h264", {}), ("a.flv", "flv1", {}),
    ("a.avi", "msmpeg4v2", {}), ("a.avi", "msmpeg4v3", {}),
    ("a.wmv", "wmv1", {}), ("a.wmv", "wmv2", {}), ("a.avi", "h263", {}),
    ("a.mpg", "mpeg1video", {}), ("a.mpg", "mpeg2video", {"bf": "2"}), ("a.m2ts", "mpeg2video", {}),
    ("a.mkv", "mpeg2video", {}), ("a.mxf", "mpeg2video", {}),
    ("a.mov", "png", {}), ("a.avi", "png", {"pix_fmt": "rgba"}),
    ("a.avi", "rawvideo", {"pix_fmt": "bgr24"}),
    ("a.mov", "rawvideo", {"pix_fmt": "rgb24"}), ("a.mov", "v210", {}),
    ("a.mkv", "ffv1", {"pix_fmt": "yuv422p10le"}), ("a.avi", "ffv1", {}),
    ("a.avi", "huffyuv", {"pix_fmt": "rgb24"}), ("a.avi", "ffvhuff", {}), ("a.avi", "utvideo", {}),
    ("a.avi", "magicyuv", {}), ("a.mov", "qtrle", {"pix_fmt": "argb"}), ("a.mov", "prores", {}),
    ("a.mov", "cfhd", {}),
    ("a.mov", "dnxhd", {"profile": "dnxhr_hq", "pix_fmt": "yuv422p", "size": (256, 128)}),
    ("a.mov", "dvvideo", {"size": (720, 576), "pix_fmt": "yuv420p"}),
    ("a.dv", "dvvideo", {"size": (720, 576), "pix_fmt": "yuv420p"}),
]  # fmt: skip


def astronaut(width: int = 512, height: int = 512) -> np.ndarray:
    """The astronaut: uint8 RGB, shape (height, width, 3); one frontal face in the upper middle."""
    return _astronaut(width, height).copy()


def second_face() -> np.ndarray:
    """Another person, made of the astronaut: mirrored, narrower, another colour and darker."""
    picture = _astronaut(512, 512)[:, ::-1]
    head = cv2.resize(picture[:256, 160:416], (200, 256), interpolation=cv2.INTER_AREA)
    out = np.full_like(picture, 90)
    out[:256, 124:324] = head
    return np.clip(out[..., [2, 1, 0]] * 0.75 + 10, 0, 255).astype(np.uint8)


def filmed(picture: np.ndarray, number: int) -> np.ndarray:
    """The picture as a calm hand films it: a little to and fro, a little noise."""
    shift = np.float32([[1, 0, 6 * np.sin(number / 5)], [0, 1, 4 * np.cos(number / 7)]])
    out = cv2.warpAffine(picture, shift, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    noise = np.random.default_rng(number).normal(0, 2, picture.shape)
    return np.clip(out + noise, 0, 255).astype(np.uint8)


@cache
def _astronaut(width: int, height: int) -> np.ndarray:
    picture = Image.fromarray(data.astronaut())
    return np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS))


def stamp(image: np.ndarray, number: int) -> np.ndarray:
    """Write `number` (0 to 255) as eight black or white blocks into the bottom left, in place."""
    for bit in range(8):
        value = 255 if number >> bit & 1 else 0
        image[-STAMP:, bit * STAMP : (bit + 1) * STAMP] = value
    return image


def read_stamp(image: np.ndarray) -> int:
    """The number that `stamp` wrote, also after lossy compression."""
    row = image[-STAMP // 2]
    return sum(int(row[bit * STAMP + STAMP // 2].mean() > 127) << bit for bit in range(8))


def astronaut_image(
    path: Path, size: tuple[int, int] = (512, 512), mode: str = "RGB", **options
) -> Path:
    """Save a still in the format of the extension; `options` go to Pillow's `save`."""
    Image.fromarray(astronaut(*size)).convert(mode).save(path, **options)
    return path


def astronaut_jpeg(path: Path, size: tuple[int, int] = (512, 512), **options) -> Path:
    """Save a JPEG still; see `astronaut_image`."""
    return astronaut_image(path, size, format="JPEG", **options)


def astronaut_animation(
    path: Path, frames: int = 10, milliseconds: int = 100, size: tuple[int, int] = (256, 256)
) -> Path:
    """Save an animated GIF, WebP or PNG (by extension) whose frames are stamped 0, 1, 2 ..."""
    pictures = [Image.fromarray(stamp(astronaut(*size), n)) for n in range(frames)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=milliseconds, loop=0)
    return path


def astronaut_clip(
    path: Path,
    codec: str = "h264",
    seconds: float = 2,
    fps: int = 25,
    size: tuple[int, int] = (512, 512),
    *,
    times: list[float] | None = None,
    rotation: int = 0,
    sound: bool = False,
    picture: bool = True,
    pix_fmt: str | None = None,
    pixel_aspect: Fraction | None = None,
    container: str | None = None,
    gop: int = 12,
    movflags: str | None = None,
    first: int = 0,
    **options: str,
) -> Path:
    """Save a clip whose frames are stamped 0, 1, 2 ... (modulo 256).

    Args:
        path: the container is chosen by the extension unless `container` names it.
        codec: a key of `ENCODERS` or the name of an encoder of FFmpeg.
        times: presentation times in seconds, for a variable frame rate; replaces seconds and fps.
        rotation: degrees written into the display matrix (the player turns the picture).
        sound: add a silent sound track; with `picture=False` the file has nothing else.
        pixel_aspect: sample aspect ratio.
        first: the number of the first frame.
        movflags: e.g. "faststart" for an mp4 whose index comes first.
        **options: for the encoder, e.g. crf="40".
    """
    encoder, defaults = ENCODERS.get(codec, (codec, {}))
    muxer = container or MUXERS.get(path.suffix)
    flags = {"movflags": movflags} if movflags else {}
    if times is None:
        times = [n / fps for n in range(max(1, round(seconds * fps)))]
    with same_scheduling(), av.open(str(path), "w", format=muxer, options=flags) as out:
        video = None
        if picture:
            video = out.add_stream(encoder, rate=fps, options={**defaults, **options})
            video.width, video.height = size
            video.pix_fmt = pix_fmt or video.codec.video_formats[0].name
            video.codec_context.gop_size = gop
            if pixel_aspect:
                video.codec_context.sample_aspect_ratio = pixel_aspect
            video.codec_context.time_base = Fraction(1, 1000 if _uneven(times, fps) else fps)
            if rotation:
                video.set_display_rotation(rotation)
        audio = _sound_track(out, path) if sound else None
        if video:
            for number, time in enumerate(times):
                frame = av.VideoFrame.from_ndarray(stamp(astronaut(*size), (first + number) % 256))
                frame.time_base = video.codec_context.time_base
                frame.pts = round(time / frame.time_base)
                out.mux(video.encode(frame))
            out.mux(video.encode())
        if audio:
            _silence(out, audio, times[-1] + 1 / fps)
    return path


def crossing(path: Path) -> Path:
    """Save a clip of a second in which two people change sides, one passing before the other."""
    heads, pictures = (second_face()[:256, 96:352], astronaut()[:256, 96:352]), []
    for number in range(25):
        picture = np.full((300, 960, 3), 150, np.uint8)
        for head, left in zip(heads, (684 - 27 * number, 20 + 27 * number), strict=True):
            picture[22:278, left : left + 256] = head
        pictures.append(filmed(picture, number))
    return clip_of(path, pictures)


def clip_of(path: Path, pictures: list[np.ndarray], fps: int = 25) -> Path:
    """Save pictures (uint8 RGB, shape (height, width, 3), even sides) as H.264 of little loss."""
    encoder, options = ENCODERS["h264"]
    with av.open(str(path), "w") as out:
        video = out.add_stream(encoder, rate=fps, options=options | {"crf": "12"})
        video.height, video.width = pictures[0].shape[:2]
        video.pix_fmt = "yuv420p"
        for picture in pictures:
            out.mux(video.encode(av.VideoFrame.from_ndarray(picture)))
        out.mux(video.encode())
    return path


def _uneven(times: list[float], fps: int) -> bool:
    return any(abs(time * fps - number) > 1e-6 for number, time in enumerate(times))


def _sound_track(out, path: Path):
    codec = {".webm": "libopus", ".flv": "libmp3lame", ".avi": "libmp3lame"}.get(path.suffix, "aac")
    return out.add_stream(codec, rate=48000 if codec == "libopus" else 44100)


def _silence(out, stream, seconds: float) -> None:
    rate = stream.codec_context.rate
    step = stream.codec_context.frame_size or 1024
    for start in range(0, int(seconds * rate), step):
        frame = av.AudioFrame.from_ndarray(
            np.zeros((stream.codec_context.channels, step), np.float32), "fltp", "stereo"
        )
        frame.sample_rate, frame.pts = rate, start
        out.mux(stream.encode(frame))
    out.mux(stream.encode())


def sound_only(path: Path, seconds: float = 1) -> Path:
    """Save a file with a silent sound track and no picture."""
    return astronaut_clip(path, seconds=seconds, sound=True, picture=False)


def face_mjpeg(path: Path, pictures: int = 40) -> Path:
    """What a webcam shows: 640x480 JPEGs in a row, the astronaut swaying slowly on grey."""
    room = np.full((480, 640, 3), 120, np.uint8)
    with path.open("wb") as file:
        for number in range(pictures):
            left = 80 + round(10 * np.sin(2 * np.pi * number / pictures))
            room[:, left : left + 480] = astronaut(480, 480)
            Image.fromarray(room).save(file, "JPEG", quality=92)
    return path


def bomb_png(path: Path, width: int = 14000, height: int = 14000) -> Path:
    """A PNG of a few kB that unpacks to width x height black pixels (1 bit each)."""
    row = b"\0" + bytes((width + 7) // 8)
    deflate = zlib.compressobj(9)
    pixels = b"".join(deflate.compress(row) for _ in range(height)) + deflate.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", pixels)
        + png_chunk(b"IEND", b"")
    )
    return path


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def cut(path: Path, keep: float, into: Path | None = None) -> Path:
    """Keep only the first part (0 to 1) of a file's bytes; written to `into` or in place."""
    content = path.read_bytes()
    target = into or path
    target.write_bytes(content[: int(len(content) * keep)])
    return target


def decode(path: Path, **settings) -> tuple[Media, list[Frame]]:
    """All that the application's decoder says about a file."""
    settings = load_settings(_env_file=None, **settings)
    with Decoder(settings).open(check(path, path.name, settings)) as clip:
        return clip.media, list(clip)


def children(of: int | str = "self") -> set[int]:
    """Ids of the processes that this one, or another, started and that still exist."""
    tasks = Path(f"/proc/{of}/task").glob("*/children")
    return {int(child) for task in tasks for child in task.read_text().split()}


def decoders() -> set[int]:
    """Ids of the processes that fork servers of this one have forked and that still exist.

    Other children, such as a web server of other tests, have forked some of their own.
    """
    servers = [child for child in children() if b"-S" in _command(child)]
    return {decoder for server in servers for decoder in children(server)}


def _command(process: int) -> list[bytes]:
    """The words of its command line; none where it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def difference(image: np.ndarray, other) -> float:
    """Mean absolute difference of two pictures of the same size, in grey levels."""
    return float(np.abs(image.astype(int) - np.asarray(other).astype(int)).mean())
