"""Makes the material of the measurement `files`: the astronaut, real clips, and files of them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image
from pillow_heif import register_heif_opener
from skimage import data

register_heif_opener()
FPS = 12
FAST = {  # for the encoders of clips and of pictures
    "HEIF": {"enc_params": {"preset": "ultrafast"}},
    "AVIF": {"speed": 10, "max_threads": 1},
    "libx264": {"preset": "ultrafast", "crf": "14", "threads": "1"},
    "libx265": {"preset": "ultrafast", "crf": "14", "x265-params": "log-level=none:pools=none"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "14", "b": "0"},
}


@cache
def astronaut(side: int = 512) -> Image.Image:
    """The astronaut of scikit-image (public domain), one frontal face: RGB, side x side."""
    return Image.fromarray(data.astronaut()).resize((side, side), Image.Resampling.LANCZOS)


@cache
def swaying(seconds: float = 2, side: int = 512) -> tuple[np.ndarray, ...]:
    """The astronaut as a calm hand films it: frames, uint8 RGB, shape (side, side, 3)."""
    picture, frames = np.asarray(astronaut(side)), []
    for number in range(round(seconds * FPS)):
        shift = np.float32([[1, 0, 6 * np.sin(number / 3)], [0, 1, 4 * np.cos(number / 4)]])
        moved = cv2.warpAffine(picture, shift, (side, side), borderMode=cv2.BORDER_REPLICATE)
        noise = np.random.default_rng(number).normal(0, 2, picture.shape)
        frames.append(np.clip(moved + noise, 0, 255).astype(np.uint8))
    return tuple(frames)


@cache
def frames_of(clip: Path, seconds: float = 2) -> tuple[np.ndarray, ...]:
    """The beginning of a real clip at `FPS`: frames, uint8 RGB, shape (height, width, 3)."""
    with av.open(str(clip)) as file:
        step = float(file.streams.video[0].average_rate) / FPS
        wanted = {round(number * step) for number in range(round(seconds * FPS))}
        frames = islice(file.decode(video=0), max(wanted) + 1)
        return tuple(
            frame.to_ndarray(format="rgb24")
            for number, frame in enumerate(frames)
            if number in wanted
        )


def save(path: Path, format: str, picture: Image.Image | None = None, **options) -> Path:
    """Save a picture, by default the astronaut, in a format of Pillow, whatever its name."""
    more = {"save_all": True, "append_images": [astronaut(256)]} if format == "MPO" else {}
    with path.open("wb") as file:
        (picture or astronaut()).save(file, format, **more | FAST.get(format, {}) | options)
    return path


def write_clip(
    path: Path,
    frames: Sequence[np.ndarray],
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    fps: int = FPS,
    times: Sequence[float] | None = None,
    container: str | None = None,
    gop: int = 12,
    options: dict[str, str] | None = None,
    movflags: str | None = None,
) -> Path:
    """Write frames (uint8 RGB, shape (height, width, 3), even sides) as a clip.

    Args:
        path: its name may say nothing of the container, which then must be given.
        times: of each frame in seconds; by default `fps` a second from 0 on.
        options: for the encoder, instead of those of `FAST`.
    """
    flags = {"movflags": movflags} if movflags else {}
    with av.open(str(path), "w", format=container, options=flags) as out:
        stream = out.add_stream(codec, rate=fps, options=options or FAST.get(codec, {}))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.codec_context.gop_size = pix_fmt, gop
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture)
            if times is not None:
                frame.time_base, frame.pts = Fraction(1, 1000), round(1000 * times[number])
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def rewrite(path: Path, source: Path, change) -> Path:
    """Write the bytes of a file, changed by a function of a bytearray that returns bytes."""
    path.write_bytes(bytes(change(bytearray(source.read_bytes()))))
    return path
