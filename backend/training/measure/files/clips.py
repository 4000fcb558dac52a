"""Clips: containers and names, HDR, clocks that jump, codecs of editors, broken ends."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from backend.training.measure.files.cases import Case, either, judged, like, refused
from backend.training.measure.files.media import FAST, FPS, frames_of, rewrite, swaying, write_clip

NAMED = (  # name, container, codec
    ("clip.m4v", "mp4", "libx264"), ("clip.3gp", "3gp", "libx264"),
    ("clip.ts", "mpegts", "libx264"),
    ("clip.mts", "mpegts", "libx264"), ("clip.m2ts", "mpegts", "libx264"),
    ("clip.mpg", "mpeg", "mpeg2video"), ("old.mpg", "mpeg", "mpeg1video"),
    ("clip.wmv", "asf", "wmv2"), ("webm_named.mp4", "webm", "libvpx-vp9"),
    ("mp4_named.avi", "mp4", "libx264"), ("mkv_named.mp4", "matroska", "libx264"),
    ("clip_blob", "mp4", "libx264"), ("clip.qt", "mov", "libx264"),
    ("clip.mp4?t=3", "mp4", "libx264"),
)  # fmt: skip
CODECS = {  # codec -> format of its pixels, endings of the containers
    "png": ("rgb24", "mov avi"), "rawvideo": ("yuv420p", "avi mkv"), "ffv1": ("yuv420p", "avi mkv"),
    "huffyuv": ("yuv422p", "avi"), "ffvhuff": ("yuv420p", "avi"),
    "mjpeg": ("yuvj420p", "avi mov mkv"), "dnxhd": ("yuv422p", "mov"),
    "prores_ks": ("yuv422p10le", "mov mkv"), "dvvideo": ("yuv420p", "avi mov"),
    "qtrle": ("rgb24", "mov"), "mpeg4": ("yuv420p", "avi mkv"),
}  # fmt: skip
OPTIONS = {"dnxhd": {"profile": "dnxhr_sq"}, "mjpeg": {"qscale": "2"}}
SDR_WHITE, PEAK = 203, 1000  # cd/m2: ITU-R BT.2408's white, and the display that HLG is made for
TO_2020 = np.array(  # from BT.709, linear; ITU-R BT.2087
    [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]], np.float32
)


def names(folder: Path) -> Iterator[Case]:
    """The astronaut's clip in containers and under names as they are sent."""
    for name, container, codec in NAMED:
        path = write_clip(folder / name, swaying(1), codec, fps=25, container=container)
        yield Case("names", path, judged())


def hdr(folder: Path, clips: Path | None) -> Iterator[Case]:
    """Clips mapped to BT.2020, PQ and HLG, beside themselves."""
    people = [] if clips else [("astronaut", swaying(1))]
    for name in ("real_480p_a", "real_1080p_b") if clips else ():
        frames = frames_of(clips / f"{name}.mp4", 1)
        height, width = frames[0].shape[:2]
        people.append((name, [frame[:, (width - height) // 2 :][:, :height] for frame in frames]))
    for name, frames in people:
        sdr = write_clip(folder / f"{name}_sdr.mp4", frames)
        yield Case("hdr", sdr)
        for curve, ending in (("pq", "mp4"), ("hlg", "mp4"), ("hlg", "mov"), ("pq", "mkv")):
            path = _hdr_clip(folder / f"{name}_{curve}.{ending}", frames, curve)
            yield Case("hdr", path, like(), sdr)


def _hdr_clip(path: Path, frames, curve: str) -> Path:
    linear = (np.arange(256, dtype=np.float32) / 255) ** 2.4  # ITU-R BT.1886
    transfer, encode = CURVES[curve]
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx265", rate=FPS, options=FAST["libx265"])
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p10le"
        context = stream.codec_context
        context.color_primaries, context.color_trc = 9, transfer
        context.colorspace, context.color_range = 9, 1
        for picture in frames:
            light = SDR_WHITE * np.clip(linear[picture] @ TO_2020.T, 0, 1)  # cd/m2
            signal = encode(light)
            frame = av.VideoFrame.from_ndarray((signal * 65535 + 0.5).astype(np.uint16), "rgb48le")
            frame = frame.reformat(format="yuv420p10le", dst_colorspace=9, dst_color_range=1)
            frame.color_primaries, frame.color_trc = 9, transfer
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def _pq(light: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084: cd/m2 to signal."""
    power = (light / 10_000) ** (2610 / 16384)
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def _hlg(light: np.ndarray) -> np.ndarray:
    """ITU-R BT.2100 HLG: cd/m2 on a display of `PEAK` to signal, through the inverse OOTF."""
    display = light / PEAK
    luminance = display @ np.array([0.2627, 0.678, 0.0593], np.float32)
    scene = display * np.maximum(luminance, 1e-6)[..., None] ** (1 / 1.2 - 1)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(
        scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-6)) + c
    )


CURVES = {"pq": (16, _pq), "hlg": (18, _hlg)}  # the number of H.273, and the function


def clocks(folder: Path) -> Iterator[Case]:
    """Two seconds of pictures whose times jump or start late."""
    even = np.arange(2 * FPS) / FPS
    jumps = {
        "gap_hour.mp4": even + 3600 * (even >= 1), "gap_hour.mkv": even + 3600 * (even >= 1),
        "gap_day.mp4": even + 86_400 * (even >= 1), "gap_hour.webm": even + 3600 * (even >= 1.5),
        "late.flv": even + 9000, "late.ts": even + 20_000, "late.mkv": even + 9000,
        "live_goes_on.flv": even + 9000 * (even >= 0.2),
        "last_frame_late.mp4": even + 7200 * (even >= even[-1]),
        "gap_hour.ts": even + 3600 * (even >= 1), "gap_hour.mov": even + 3600 * (even >= 1),
    }  # fmt: skip
    for name, times in jumps.items():
        codec = {"webm": "libvpx-vp9", "flv": "flv"}.get(name.rpartition(".")[2], "libx264")
        yield Case("clocks", write_clip(folder / name, swaying(2), codec, times=times), judged())


def codecs(folder: Path) -> Iterator[Case]:
    """The astronaut's clip as editors, face-swap tools and OpenCV write it."""
    for codec, (pixels, endings) in CODECS.items():
        frames = swaying(0.6)
        if codec == "dvvideo":  # PAL and nothing else
            frames = [np.pad(frame, ((32, 32), (104, 104), (0, 0))) for frame in frames]
        for ending in endings.split():
            path = folder / f"{codec}.{ending}"
            fps = 25 if codec == "dvvideo" else FPS
            write_clip(path, frames, codec, pixels, fps, options=OPTIONS.get(codec))
            yield Case("codecs", path, judged())


def reasons(folder: Path) -> Iterator[Case]:
    """Sample descriptions that name a codec nobody has, and protected ones."""
    source = write_clip(folder / "h264.mp4", swaying(1))
    for name, code, words in (
        ("unknown_fourcc.mp4", b"zzq1", ()), ("unknown_apple.mov", b"xyz9", ()),
        ("protected_encv.mp4", b"encv", ()), ("protected_drmi.mp4", b"drmi", ()),
    ):  # fmt: skip
        path = rewrite(folder / name, source, lambda b, code=code: b.replace(b"avc1", code))
        yield Case("reasons", path, either(refused(*words)))


def ends(folder: Path) -> Iterator[Case]:
    """Ends that are cut or have something behind them, and few frames a second."""
    whole = write_clip(folder / "whole.mp4", swaying(2))
    yield Case("small", whole)
    for name, tail in (
        ("trail_small.mp4", b"\0\0\0\5"), ("trail_zeros.mp4", bytes(700)),
        ("trail_text.mp4", b"sent by mail\r\n"), ("trail_long.mp4", b"\x7f\xff\xff\xffjunk"),
    ):  # fmt: skip
        yield Case("small", rewrite(folder / name, whole, lambda b, t=tail: b + t), like(), whole)
    parts = write_clip(folder / "parts.mp4", swaying(2), movflags="frag_keyframe+empty_moov")
    last = parts.read_bytes().rindex(b"moof") - 4
    for name, keep in (
        ("fragment_cut.mp4", last + 3000), ("fragment_head_cut.mp4", last + 20),
        ("fragment_gone.mp4", last),
    ):  # fmt: skip
        yield Case("small", rewrite(folder / name, parts, lambda b, k=keep: b[:k]), judged())
    slow = swaying(2)[::5]
    for fps in (1, 2):
        path = write_clip(folder / f"fps{fps}.mp4", slow, fps=fps)
        yield Case("small", path, judged())
    cut = rewrite(
        folder / "cut.mkv", write_clip(folder / "w.mkv", swaying(2)), lambda b: b[: len(b) * 3 // 4]
    )
    yield Case("small", cut, judged())
    size = struct.pack(">I", 0)  # of the last box: up to the end of the file
    path = rewrite(
        folder / "last_box_open.mp4",
        write_clip(folder / "fast.mp4", swaying(2), movflags="faststart"),
        lambda b: b[: b.rindex(b"mdat") - 4] + size + b[b.rindex(b"mdat") :],
    )
    yield Case("small", path, judged())
