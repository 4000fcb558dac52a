"""Makes the clips that are measured: the astronaut walks over a panning photograph."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import product
from pathlib import Path

import av
import cv2
import numpy as np
from skimage import data

FPS = 30
SECONDS = 10
SIZES = {"480p": (854, 480), "1080p": (1920, 1080), "4K": (3840, 2160)}
FACE = 1 / 8  # of the picture's height: 135 px at 1080p
# Encoder, container and options: fast ones, at bitrates as phones and messengers choose them.
CODECS = {
    "H.264": ("libx264", "mp4", {"preset": "veryfast", "crf": "23"}),
    "HEVC": ("libx265", "mp4", {"preset": "ultrafast", "x265-params": "log-level=none"}),
    "VP9": ("libvpx-vp9", "webm", {"deadline": "realtime", "cpu-used": "8", "row-mt": "1"}),
    "AV1": ("libsvtav1", "mp4", {"preset": "12", "crf": "40"}),
}
_NOISE = 4.0  # grey levels; without it a made clip is far easier to decode than a camera's


def make_clip(folder: Path, size: str, codec: str = "H.264", seconds: int = SECONDS) -> Path:
    """Write a clip, or reuse the one of that name.

    Longer ones repeat the packets of ten seconds, so that making them costs little; to the decoder
    they are as long as they say.

    Args:
        folder: where it is written.
        size: a key of `SIZES`.
        codec: a key of `CODECS`.
        seconds: a multiple of `SECONDS`.
    """
    encoder, container, options = CODECS[codec]
    path = folder / f"{size}-{codec.replace('.', '')}-{seconds}s.{container}"
    if path.exists():
        return path
    if seconds > SECONDS:
        return _repeat(make_clip(folder, size, codec), path, seconds // SECONDS)
    width, height = SIZES[size]
    with same_scheduling(), av.open(str(path), "w") as out:
        stream = out.add_stream(encoder, rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = 250
        for picture in _pictures(width, height, SECONDS * FPS):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        out.mux(stream.encode())
    return path


@contextmanager
def same_scheduling() -> Iterator[None]:
    """Undo what the AV1 encoder does to the thread that opens it.

    Run by root, SVT-AV1 makes that thread a real-time one of the highest priority (`check_set_prio`
    in its EbThreads.c), and with it every process started later: they would starve all others.
    """
    if not hasattr(os, "sched_setscheduler"):  # not Linux
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)


def make_photo(folder: Path) -> Path:
    """Write a JPEG of 12 megapixels with one face."""
    path = folder / "photo-12MP.jpg"
    picture = next(_pictures(4000, 3000, 1))
    cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    return path


def _pictures(width: int, height: int, count: int):
    """Frames, uint8 RGB, shape (height, width, 3)."""
    rng = np.random.default_rng(0)
    margin = width // 8, height // 8
    ground = cv2.resize(
        data.coffee(), (width + margin[0], height + margin[1]), interpolation=cv2.INTER_CUBIC
    )
    scale = FACE * height / 101  # the astronaut's face has 101 px
    head = cv2.resize(data.astronaut()[:256, 96:352], None, fx=scale, fy=scale)
    rows, columns = head.shape[:2]
    grain = [rng.normal(0, _NOISE, (height, width, 3)).astype(np.int8) for _ in range(3)]
    for number in range(count):
        moment = number / FPS
        x, y = (int(m * (1 + np.sin(moment / 3 + m)) / 2) for m in margin)
        picture = ground[y : y + height, x : x + width].copy()
        left = int((width - columns) * (0.5 + 0.3 * np.sin(moment / 2)))
        top = int((height - rows) * (0.4 + 0.15 * np.sin(moment)))
        picture[top : top + rows, left : left + columns] = head
        yield cv2.add(picture, grain[number % 3], dtype=cv2.CV_8U)


def _repeat(source: Path, path: Path, times: int) -> Path:
    with av.open(str(source)) as first, av.open(str(path), "w") as out:
        stream = first.streams.video[0]
        # Opaque: the codec is the one of the file; an encoder of that name need not exist.
        target = out.add_stream_from_template(stream, opaque=True)
        length = round(Fraction(SECONDS) / stream.time_base)
        packets = [packet for packet in first.demux(stream) if packet.size]
        for turn, packet in product(range(times), packets):
            copy = av.Packet(bytes(packet))
            copy.time_base, copy.stream = stream.time_base, target
            copy.pts, copy.dts = packet.pts + turn * length, packet.dts + turn * length
            copy.duration, copy.is_keyframe = packet.duration, packet.is_keyframe
            out.mux(copy)
    return path
