"""The moments of a file that were looked at: each in words, all as the numbers of a timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backend.wording import clock, kind_of, percent, plural


@dataclass(frozen=True, slots=True)
class Moment:
    """One frame that was looked at.

    Attributes:
        frame: its entry in the report.
        top: the highest probability of its faces; None where none was judged.
        kind: what that says, as `kind_of`.
        caption: what was found in it, in words.
    """

    frame: dict
    top: float | None
    kind: str
    caption: str


def moment(frame: dict, is_clip: bool, bands: Sequence[dict]) -> Moment:
    """Describe a frame of a report.

    Args:
        frame: its entry.
        is_clip: whether its time means anything.
        bands: of the report.
    """
    faces = frame["faces"]
    judged = [face["probability"] for face in faces if face["probability"] is not None]
    top = max(judged, default=None)
    caption = f"{clock(frame['time'])}: " if is_clip else ""
    if not faces:
        caption += "no face found"
    elif top is None:
        caption += f"{plural(len(faces), 'face')}, none that could be judged"
    else:
        highest = "highest probability" if len(judged) > 1 else "probability"
        caption += f"{plural(len(faces), 'face')}, {highest} of manipulation {percent(top)}"
    return Moment(frame, top, kind_of(top, bands), caption)


def chart(report: dict, moments: Sequence[Moment], lasts: float) -> dict:
    """The numbers of the timeline: for each moment its time and boxes, for each person a score.

    `lasts` is where its axis ends, in seconds. Boxes are
    [track, left, top, right, bottom, probability], px of the file's picture.
    """
    frames = [each.frame for each in moments]
    people = []
    for track in report["tracks"]:
        scores = {each["frame"]: each["probability"] for each in track["scores"]}
        each = [scores.get(frame["index"]) for frame in frames]
        people.append({"id": track["id"], "name": track["name"], "scores": each})
    return {
        "thresholds": report["thresholds"],
        "bands": report["bands"],
        "duration": lasts,
        "indices": [frame["index"] for frame in frames],
        "times": [frame["time"] for frame in frames],
        "tracks": people,
        "boxes": [
            [[face["track"], *face["box"], face["probability"]] for face in frame["faces"]]
            for frame in frames
        ],
    }
