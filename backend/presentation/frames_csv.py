"""The frames of a report as a table for spreadsheets: one row a face, one for a frame without."""

from __future__ import annotations

import csv
from io import StringIO

COLUMNS = (
    "frame,time_s,person,probability_fake,verdict,concern,left,top,right,bottom,detector_score"
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a text that starts so is run by spreadsheets


def frames_csv(report: dict) -> str:
    """The CSV (RFC 4180, header row, empty cells for what there is not).

    `time_s` is seconds from the start, `probability_fake` calibrated 0 to 1, the box in px of the
    file's picture; `verdict` is that of the one face by the report's thresholds.
    """
    names = {track["id"]: track["name"] for track in report["tracks"]}
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS.split(","))
    for frame in report["frame_analysis"]["frames"]:
        moment = [frame["index"], frame["time"]]
        for face in frame["faces"]:
            p = face["probability"]
            words = (names.get(face["track"]), _verdict(p, report["thresholds"]), face["concern"])
            person, verdict, concern = map(as_text, words)
            writer.writerow([*moment, person, p, verdict, concern, *face["box"], face["score"]])
        if not frame["faces"]:
            writer.writerow([*moment, *[None] * 9])
    return out.getvalue()


def _verdict(p: float | None, thresholds: dict) -> str | None:
    if p is None:
        return None
    if p >= thresholds["fake"]:
        return "Fake"
    return "Real" if p <= thresholds["real"] else "Inconclusive"


def as_text(text: str | None) -> str | None:
    """A cell that spreadsheets show and never run."""
    return f"'{text}" if text and text.startswith(FORMULA) else text
