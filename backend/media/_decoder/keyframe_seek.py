"""Reads long clips by leaps: a few frames behind key frames that the file's index points to."""

from collections import Counter
from itertools import islice

from container import decoded, marked, packets, picture_stream, start_decoder
from packet_index import MOST_PACKETS, Clip, describe
from sampling import REACH, nearest, settle

LONG = 20.0  # s; shorter clips are read through, which costs little and meets each moment
BUDGET = 450  # frames decoded at most, beside one for each leap
# Farthest from a moment to the key frame taken for it, else the clip is read through: in seconds,
# or in distances between moments where that is more.
FAR_SECONDS, FAR_SLICES = 6.0, 1.5
_INDEXED = ("mp4", "mov", "3gp", "mkv", "webm")


class Leaps:
    """The packets of a long clip that are decoded, a group at each leap.

    Attributes:
        clip: what the clip is.
        count: frames that are wanted.
    """

    def __init__(self, stream, clip: Clip, groups: list[tuple[list, set[int]]]):
        self._stream, self._groups = stream, groups
        self.clip = clip
        self.count = sum(len(wanted) for _, wanted in groups)

    def frames(self):
        """Yield the wanted frames, in order of time."""
        start_decoder(self._stream)
        context, latest = self._stream.codec_context, None
        for group, wanted in self._groups:
            for frame in decoded(context, marked(context, group, wanted)):
                late = latest is None or (frame.pts or 0) > latest
                if frame.pts in wanted and late and not frame.is_corrupt:
                    latest = frame.pts
                    yield frame


def is_long(container, job: dict) -> bool:
    """Whether leaps are worth trying. Believes the header, which decides nothing else."""
    return job["format"] in _INDEXED and (container.duration or 0) / 1e6 >= LONG


def plan_leaps(container, job: dict) -> Leaps | None:
    """Choose the leaps of a clip, or None where its index is no help.

    The index only says where to look: times, key frames and the end of the clip are taken from the
    packets found there. A moment's frame is the key frame nearest to it; where key frames are rarer
    than moments, those that share one get frames spread over a stretch behind it.
    """
    stream = picture_stream(container)
    container.seek(0, stream=stream)  # Matroska reads its index when it is first needed
    keys, _ = _index(stream)
    if len(keys) < 2:
        return None
    first = _read(container, stream, keys[0], 1)
    container.seek(keys[-1], stream=stream)
    last = [(x.pts, x.duration or 0) for x in islice(packets(container, stream), MOST_PACKETS)]
    if not first or not last or any(time is None for time, _ in last):
        return None
    start, (latest, duration) = first[0].pts, max(last)
    length = latest + duration - start
    if not LONG <= length * stream.time_base <= job["max_duration"]:
        return None  # only reading all of it tells for how long its frames are shown
    keys, entries = _index(stream)  # again: a file of fragments tells them as it is read
    if job["format"] in ("mkv", "webm"):
        entries = []  # the index of Matroska knows no others than key frames
    many, span = (len(entries), latest - start) if entries else (len(last), latest - last[0][0])
    fps = float((many - 1) / (span * stream.time_base)) if span > 0 else None
    # Decoding times are as even as presentation times, and gaps are the same in both.
    times, size = sorted(entry.timestamp for entry in entries), sum(e.size for e in entries)
    clip = describe(stream, job, start, length, fps, times, size)
    groups = _groups(container, stream, keys, start, length, job["moments"])
    return Leaps(stream, clip, groups) if groups else None


def _groups(container, stream, keys: list[int], start: int, length: int, moments: int):
    """Packets to decode at each leap, with the presentation times that are wanted of them."""
    leaps = Counter()
    far = max(FAR_SECONDS / stream.time_base, FAR_SLICES * length / moments)
    for number in range(moments):
        moment = start + (2 * number + 1) * length // (2 * moments)
        key = nearest(keys, moment)
        if abs(key - moment) > far:
            return None
        leaps[key] += 1
    groups = []
    for key, count in sorted(leaps.items()):
        most = 1 if count == 1 else max(count, BUDGET // len(leaps))
        group = _read(container, stream, key, most)
        if not group or not group[0].is_keyframe:
            return None
        # Frames shown before the key frame lean on what came before it.
        order = [packet.pts for packet in group if packet.pts >= group[0].pts]
        times = sorted(order)
        chosen = [times[place * len(times) // count] for place in range(count)]
        wanted = set(settle(chosen, order, REACH * (times[-1] - times[0]) / count))
        end = max(place for place, packet in enumerate(group) if packet.pts in wanted)
        groups.append((group[: end + 1], wanted))
    return groups


def _index(stream) -> tuple[list[int], list]:
    """Times of the key frames, in order, and what the index says of every frame."""
    entries = [entry for entry in stream.index_entries if not entry.is_discard]
    return sorted({entry.timestamp for entry in entries if entry.is_keyframe}), entries


def _read(container, stream, key: int, most: int) -> list:
    """Up to `most` packets from a key frame on; none where they carry no presentation times."""
    container.seek(key, stream=stream)
    found = list(islice(packets(container, stream), most))
    return [] if any(packet.pts is None for packet in found) else found
