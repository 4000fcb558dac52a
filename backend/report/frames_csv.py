"""The frames of a report as a table for spreadsheets: one row a face, one for a frame without."""

from __future__ import annotations

import csv
from io import StringIO

from backend.wording import kind_of

COLUMNS = (
    "frame,time_s,person,probability_fake,verdict,concern,left,top,right,bottom,detector_score"
)
VERDICTS = {"fake": "Fake", "real": "Real", "none": None}  # all others: Inconclusive
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
            verdict = VERDICTS.get(kind_of(p, report["bands"]), "Inconclusive")
            person, concern = as_text(names.get(face["track"])), as_text(face["concern"])
            writer.writerow([*moment, person, p, verdict, concern, *face["box"], face["score"]])
        if not frame["faces"]:
            writer.writerow([*moment, *[None] * 9])
    return out.getvalue()


def as_text(text: str | None) -> str | None:
    """A cell that spreadsheets show and never run."""
    return f"'{text}" if text and text.startswith(FORMULA) else text
