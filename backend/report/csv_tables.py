"""The faces and the voice of a report as tables for spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO

from backend.wording import kind_of

COLUMNS = (
    "frame", "time_s", "person", "probability_fake", "verdict", "concern",
    "left", "top", "right", "bottom", "detector_score",
)  # fmt: skip
VOICE_COLUMNS = ("start_s", "end_s", "probability_fake", "verdict")
VERDICTS = {"fake": "Fake", "real": "Real", "none": None}  # all others: Inconclusive
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a text that starts so is run by spreadsheets


def frames_csv(report: dict) -> str:
    """One row a face, one for a frame without (RFC 4180, header row, empty cells for what is not).

    `time_s` is seconds from the start, `probability_fake` calibrated 0 to 1, the box in px of the
    file's picture; `verdict` is that of the one face by the report's thresholds. The last columns,
    `model_NAME`, are the probabilities that each model gives by itself.
    """
    models = [vote["name"] for vote in report["models"]]
    names = {track["id"]: track["name"] for track in report["tracks"]}
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow([*COLUMNS, *(f"model_{name}" for name in models)])
    for frame in report["frame_analysis"]["frames"]:
        moment = [frame["index"], frame["time"]]
        for face in frame["faces"]:
            p = face["probability"]
            verdict = _verdict(p, report["bands"])
            person, concern = as_text(names.get(face["track"])), as_text(face["concern"])
            own = [face["models"].get(name) for name in models]
            cells = [person, p, verdict, concern, *face["box"], face["score"], *own]
            writer.writerow([*moment, *cells])
        if not frame["faces"]:
            writer.writerow([*moment, *[None] * (len(COLUMNS) - 2 + len(models))])
    return out.getvalue()


def voice_csv(report: dict) -> str:
    """One row a window of the sound: seconds from the start, and calibrated 0 to 1 how probably the
    voice is synthetic; `verdict` is that of the window alone."""
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(VOICE_COLUMNS)
    audio = report["audio"] or {"windows": ()}
    for window in audio["windows"]:
        p = window["probability"]
        writer.writerow([window["start"], window["end"], p, _verdict(p, audio["bands"])])
    return out.getvalue()


def _verdict(p: float | None, bands: Sequence[dict]) -> str | None:
    return VERDICTS.get(kind_of(p, bands), "Inconclusive")


def as_text(text: str | None) -> str | None:
    """A cell that spreadsheets show and never run."""
    return f"'{text}" if text and text.startswith(FORMULA) else text
