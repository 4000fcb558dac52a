"""Finds the true times of a clip's frames by reading its packets once, without decoding them."""

from array import array
from bisect import bisect_right
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import wire
from clock import Clock
from container import CODECS, packets, picture_stream
from frame_gaps import longest_gap
from sampling import REACH, on_screen, settle

MOST_PACKETS = 1_000_000
_SANE_ASPECT = (Fraction(1, 4), Fraction(4))
_DECODING_TIMES = ("avi", "wmv")  # containers that may know no others
_REORDER = 8  # packets behind a frame's own that it may take until the decoder shows it
_SQUARE = Fraction(1, 50)  # pixels this near to square are not worth resampling the picture


class Clip(NamedTuple):
    """What a clip is.

    Attributes:
        codec, aspect, time_base: of the stream; aspect is that of one pixel.
        colour: `(transfer, primaries)` that the container gives it, as FFmpeg numbers them.
        start: presentation time of the first frame, in time_base units.
        duration, fps: seconds and frames a second, None where they cannot be known.
        frames: how many there are, None where only reading the whole file would tell.
        gap: the longest, see `rhythm.longest_gap`.
        bits_per_pixel: of the compressed picture, per frame; None where it cannot be known.
    """

    codec: str
    aspect: Fraction
    colour: tuple[int, int]
    time_base: Fraction
    start: int
    duration: float | None
    fps: float | None
    frames: int | None
    gap: tuple[float, float] | None
    bits_per_pixel: float | None

    def told(self) -> dict:
        """What is sent beside the pictures."""
        return {"gap": self.gap, "bits_per_pixel": self.bits_per_pixel}


def describe(stream, job: dict, start: int, length: int, fps, times=None, size=0) -> Clip:
    """What the stream is, once its packets were measured.

    Args:
        start, length: in time_base units.
        times: of all frames, sorted, in time_base units; None where they are not known.
        size: bytes of all frames.
    """
    seconds = float(length * stream.time_base)
    if seconds > job["max_duration"]:
        raise wire.Refused("long")
    context = stream.codec_context
    aspect = stream.sample_aspect_ratio or context.sample_aspect_ratio or Fraction(1)
    pixels = context.width * context.height
    sane = _SANE_ASPECT[0] <= aspect <= _SANE_ASPECT[1] and abs(aspect - 1) > _SQUARE
    return Clip(
        CODECS[context.name],
        aspect if sane else Fraction(1),
        (context.color_trc, context.color_primaries),
        stream.time_base,
        start,
        seconds or None,
        fps,
        len(times) if times else None,
        longest_gap(times, stream.time_base) if times else None,
        8 * size / (pixels * len(times)) if times and pixels else None,
    )


def check(stream, job: dict) -> None:
    """Refuse codecs outside the list and too large frames, before anything is decoded."""
    context = stream.codec_context
    if context is None or context.name not in CODECS:
        raise wire.Refused("codec", context.codec.canonical_name if context else "")
    if context.width * context.height > job["max_pixels"]:
        raise wire.Refused("pixels")


class Survey:
    """What the packets of the file say, whatever its header claims.

    Attributes:
        clip: what the clip is.
        times: sorted distinct presentation times, in time_base units.
        notes: codes of what was odd, as the parent's table has them.
        is_by_order: whether packets say only when they are decoded, and frames are shown in
            another order: then that order tells their times, and none can be skipped.
    """

    def __init__(self, container, job: dict):
        times, order = array("q"), array("q")
        shown = array("b")
        self._keys = array("q")
        last_length = size = 0
        stream = picture_stream(container)
        for number, packet in enumerate(packets(container, stream)):
            if number >= MOST_PACKETS:
                raise wire.Refused("damaged")
            time = self._time(packet, times)
            times.append(time)
            before = order[-1] if order else time
            order.append(before if packet.dts is None else packet.dts)
            shown.append(not packet.is_discard)
            if packet.is_keyframe:
                self._keys.append(number)
            size += packet.size
            last_length = packet.duration or 0
        self.is_by_order = (
            job["format"] in _DECODING_TIMES
            and bool(stream.codec_context.has_b_frames)
            and all(before < after for before, after in pairwise(times))
        )
        clock = Clock(times, order, last_length, stream.time_base)
        # In decoding order, like all that is counted in packets.
        self._packet_times, self._mended = clock.times, clock.mended
        self.notes = ["clock_jumps"] if clock.mended else []
        # Presentation time -> packet, of frames to be shown.
        self._number_of = {t: n for n, t in enumerate(clock.times) if shown[n]}
        self.times = sorted(self._number_of)
        if not self.times:
            raise wire.Refused("damaged")
        span, count = self.times[-1] - self.times[0], len(self.times)
        last = clock.last if clock.last > 0 else span // (count - 1) if count > 1 else 0
        self._end = self.times[-1] + last
        fps = float((count - 1) / (span * stream.time_base)) if span else None
        self.clip = describe(stream, job, self.times[0], span + last, fps, self.times, size)

    @staticmethod
    def _time(packet, before: array) -> int:
        if packet.pts is not None:
            return packet.pts
        if packet.dts is not None:  # AVI knows no other
            return packet.dts
        return before[-1] + (packet.duration or 1) if before else 0

    def timed(self, some_packets):
        """All packets of the clip, with the times of a mended clock."""
        if not self._mended:
            yield from some_packets
            return
        for packet, time in zip(some_packets, self._packet_times, strict=False):
            packet.pts = time
            yield packet

    def moments(self, most: int) -> list[int]:
        """Times of the frames to look at: all where they fit, else `on_screen` and `settle`d."""
        chosen = [self.times[index] for index in on_screen(self.times, self._end, most)]
        if len(chosen) == len(self.times):
            return chosen
        shown = (time for time in self._packet_times if time in self._number_of)
        return settle(chosen, shown, REACH * (self._end - self.times[0]) / most)

    def runs(self, wanted: list[int]) -> list[tuple[int, int, int]]:
        """Runs of packets to decode to see the wanted times: (first, last, last wanted time)."""
        runs: list[tuple[int, int, int]] = []
        for last in sorted(self._number_of[time] for time in wanted):
            time = self._packet_times[last]
            at = bisect_right(self._keys, last) - 1
            # Frames shown before the key frame that they follow lean on the run before it.
            while at > 0 and self._packet_times[self._keys[at]] > time:
                at -= 1
            first = self._keys[at] if at >= 0 else 0
            if self.is_by_order:
                last = min(last + _REORDER, len(self._packet_times) - 1)
            if runs and first <= runs[-1][1] + 1:
                begin, end, latest = runs.pop()
                runs.append((begin, max(last, end), max(time, latest)))
            else:
                runs.append((first, last, time))
        return runs

    def with_times(self, frames, first: int):
        """The frames that were decoded from packet `first` on, with their times."""
        for place, frame in enumerate(frames, first):
            if self.is_by_order and place < len(self._packet_times):
                frame.pts = self._packet_times[place]
            yield frame

    def whole(self) -> list[tuple[int, int, int]]:
        """The one run that decodes everything, for files whose key frame marks are wrong."""
        return [(0, len(self._packet_times) - 1, self.times[-1])]
