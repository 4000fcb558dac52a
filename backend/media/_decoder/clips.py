"""Reads video with PyAV: the frames that were on screen at the wanted moments, upright, as RGB."""

import struct
from collections import deque
from collections.abc import Iterator

import av
import numpy as np
import wire
from container import open_container, packets, picture_stream, refuse_cut_off
from survey import Survey

_THREADS = 2


def read(job: dict, out: wire.Wire) -> None:
    """Send the media facts and pictures of the clip `job["path"]`."""
    if job["format"] in ("mp4", "mov"):
        refuse_cut_off(job["path"])
    survey = Survey(job)
    wanted = survey.moments(job["moments"])
    sent = 0
    for frame in _decode(job, survey, wanted):
        picture, (width, height) = _picture(frame, survey.aspect, job)
        if not sent:
            out.media(
                type="video",
                format=job["format"],
                codec=survey.codec,
                width=width,
                height=height,
                duration=survey.duration,
                fps=survey.fps,
                frames=len(survey.times),
            )
        time = float((frame.pts - survey.times[0]) * survey.time_base)
        out.frame(max(0.0, time), *picture.shape[:2], picture)
        sent += 1
    if sent * 2 < len(wanted):  # too little is left to speak of the whole clip
        raise wire.Refused("damaged")


def _decode(job: dict, survey: Survey, wanted: list[int]) -> Iterator[av.VideoFrame]:
    """Yield a frame for each wanted time, no frame twice, in order of time.

    Nothing is ever sought: packets are counted, and those that no wanted frame needs are not given
    to the decoder, so a wrong or missing index does no harm. Where a run does not begin with the
    key frame that its packet promised, the rest is decoded straight through.
    """
    pending = deque(wanted)
    for runs, skip in (survey.runs(wanted), "NONREF"), (survey.whole(), "DEFAULT"):
        with open_container(job) as container:
            stream = picture_stream(container)
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = _THREADS
            # Before `skip_frame` is set: libdav1d reads it when it opens, and then for good.
            stream.codec_context.open(strict=False)
            numbered = enumerate(_marked(container, stream, set(wanted), skip))
            for first, last, until in runs:
                shown = None  # the newest frame that was not sent
                for place, frame in enumerate(_run(stream.codec_context, numbered, first, last)):
                    if place == 0 and first > 0 and not frame.key_frame:
                        break
                    if frame.pts is None or frame.is_corrupt or not pending:
                        continue
                    shown = frame
                    if frame.pts >= pending[0]:
                        yield frame
                        shown = None
                        _drop(pending, frame.pts)
                else:
                    # A wanted packet that gave no frame: what was on screen stayed there.
                    if shown and pending and pending[0] <= until:
                        yield shown
                    _drop(pending, until)
                    continue
                break
            else:
                return


def _marked(container, stream, wanted: set[int], skip: str) -> Iterator[av.Packet]:
    """The packets; before each the decoder is told whether it may `skip` frames like it.

    Frames that no other frame refers to cost much and are of no use unless they are wanted.
    """
    for packet in packets(container, stream):
        needed = packet.pts is None or packet.pts in wanted
        stream.codec_context.skip_frame = "DEFAULT" if needed else skip
        yield packet


def _drop(pending: deque[int], until: int) -> None:
    while pending and pending[0] <= until:
        pending.popleft()


def _run(context, numbered, first: int, last: int) -> Iterator[av.VideoFrame]:
    """Decode the packets `first` to `last`, taking them from `numbered`."""
    for number, packet in numbered:
        if number >= first:
            yield from _frames(context, packet)
        if number >= last:
            break
    yield from _frames(context, None)
    if context.is_open:
        context.flush_buffers()


def _frames(context, packet) -> list[av.VideoFrame]:
    try:
        return context.decode(packet)
    except (av.error.InvalidDataError, av.error.EOFError):
        return []  # one broken packet; whether enough is left is judged at the end


def _picture(frame: av.VideoFrame, aspect, job: dict) -> tuple[np.ndarray, tuple[int, int]]:
    """The frame as uint8 RGB (height, width, 3), and the (width, height) it is displayed at."""
    if frame.width * frame.height > job["max_pixels"]:
        raise wire.Refused("pixels")
    width, height = max(1, round(frame.width * aspect)), frame.height
    scale = min(1.0, job["long_side"] / max(width, height))
    rgb = frame.reformat(
        width=max(1, round(width * scale)),
        height=max(1, round(height * scale)),
        format="rgb24",
        interpolation="AREA" if scale < 1 else "BICUBIC",
    ).to_ndarray()
    rgb, turned = _upright(rgb, frame)
    return np.ascontiguousarray(rgb), (height, width) if turned else (width, height)


def _upright(rgb: np.ndarray, frame: av.VideoFrame) -> tuple[np.ndarray, bool]:
    """Apply the display matrix in quarter turns and mirrorings; also whether the sides swapped."""
    side = frame.side_data.get("DISPLAYMATRIX")
    if side is None:
        return rgb, False
    # Rows of three 32-bit numbers: a point (x, y) is shown at (a x + c y, b x + d y).
    a, b, _, c, d = struct.unpack_from("=5i", bytes(side))
    turned = abs(b) > abs(a)
    if turned:
        rgb = rgb.transpose(1, 0, 2)
    if (c if turned else a) < 0:
        rgb = rgb[:, ::-1]
    if (b if turned else d) < 0:
        rgb = rgb[::-1]
    return rgb, turned
