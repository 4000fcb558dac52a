"""Reads video with PyAV: the frames that were on screen at the wanted moments, upright, as RGB."""

import struct
from collections import deque
from collections.abc import Iterator

import av
import wire
from boxes import minding_the_end
from container import (
    decoded,
    marked,
    open_container,
    packets,
    picture_stream,
    start_decoder,
)
from keyframe_seek import is_long, plan_leaps
from metadata import of_container
from packet_index import Clip, Survey, check
from painter import Painter


@minding_the_end
def read(job: dict, out: wire.Wire) -> dict:
    """Send the media facts and pictures of the clip `job["path"]`; returns what its tags say."""
    with open_container(job) as container:
        stream = picture_stream(container)
        check(stream, job)
        tags, facts = of_container(container, stream)
        told = {"metadata": tags, "container": facts}
        if is_long(container, job):
            leaps = plan_leaps(container, job)
            if leaps:
                told["notes"] = _send(leaps.clip, leaps.frames(), leaps.count, job, out)
                return told | leaps.clip.told()
            survey = None
        else:
            survey = Survey(container, job)
    if survey is None:  # the first container was sought in
        with open_container(job) as container:
            survey = Survey(container, job)
    wanted = survey.moments(job["moments"])
    notes = _send(survey.clip, _decode(job, survey, wanted), len(wanted), job, out)
    return told | survey.clip.told() | {"notes": survey.notes + notes}


def _send(
    clip: Clip, frames: Iterator[av.VideoFrame], wanted: int, job: dict, out: wire.Wire
) -> list[str]:
    """Send the facts and the frames; returns codes of what was odd about them."""
    sent = 0
    painter = Painter(clip, job)
    for frame in frames:
        picture, (width, height) = painter.rgb(frame)
        turn = _turn(frame)
        if not sent:
            if turn[0]:
                width, height = height, width
            out.media(
                type="video",
                format=job["format"],
                codec=clip.codec,
                width=width,
                height=height,
                duration=clip.duration,
                fps=clip.fps,
                frames=clip.frames,
            )
        time = max(0.0, float((frame.pts - clip.start) * clip.time_base))
        out.frame(time, picture.height, picture.width, _rows(picture), turn)
        sent += 1
    if sent * 2 < wanted:  # too little is left to speak of the whole clip
        raise wire.Refused("damaged")
    return painter.notes


def _rows(picture: av.VideoFrame) -> Iterator[memoryview]:
    """The rows of RGB, all at once where nothing lies between them."""
    plane, row = picture.planes[0], picture.width * 3
    pixels, stride = memoryview(plane).cast("B"), plane.line_size
    if stride == row:
        yield pixels[: picture.height * row]
        return
    for start in range(0, picture.height * stride, stride):
        yield pixels[start : start + row]


def _decode(job: dict, survey: Survey, wanted: list[int]) -> Iterator[av.VideoFrame]:
    """Yield a frame for each wanted time, no frame twice, in order of time.

    Nothing is ever sought: packets are counted, and those that no wanted frame needs are not given
    to the decoder, so a wrong or missing index does no harm. Where a run does not begin with the
    key frame that its packet promised, the rest is decoded straight through.
    """
    pending = deque(wanted)
    spared = "DEFAULT" if survey.is_by_order else "NONREF"
    for runs, skip in (survey.runs(wanted), spared), (survey.whole(), "DEFAULT"):
        with open_container(job) as container:
            stream = picture_stream(container)
            start_decoder(stream)
            context = stream.codec_context
            timed = survey.timed(packets(container, stream))
            numbered = enumerate(marked(context, timed, set(wanted), skip))
            for first, last, until in runs:
                shown = None  # the newest frame that was not sent
                run = decoded(context, _between(numbered, first, last))
                run = survey.with_times(run, first)
                for place, frame in enumerate(run):
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


def _drop(pending: deque[int], until: int) -> None:
    while pending and pending[0] <= until:
        pending.popleft()


def _between(numbered, first: int, last: int) -> Iterator[av.Packet]:
    """The packets `first` to `last`, taken from `numbered`."""
    for number, packet in numbered:
        if number >= first:
            yield packet
        if number >= last:
            break


def _turn(frame: av.VideoFrame) -> tuple[bool, bool, bool]:
    """The display matrix in quarter turns and mirrorings: swap the axes, then mirror x, then y."""
    side = frame.side_data.get("DISPLAYMATRIX")
    if side is None:
        return False, False, False
    # Rows of three 32-bit numbers: a point (x, y) is shown at (a x + c y, b x + d y).
    a, b, _, c, d = struct.unpack_from("=5i", bytes(side))
    turned = abs(b) > abs(a)
    return turned, (c if turned else a) < 0, (b if turned else d) < 0
