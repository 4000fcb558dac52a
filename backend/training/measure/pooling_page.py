"""The page docs/measurements/pooling.md, from what `backend.training.measure.pooling` measured."""

from __future__ import annotations

from backend.analysis.face_scores import SEVERAL
from backend.evidence.verdict import LEAST_PART
from backend.training.measure.simulated_clips import DRIFT


def page(result: dict) -> str:
    """The Markdown page of `result`, the JSON that `pooling` writes."""
    lines = [
        "# How the looks of a clip become one score",
        "",
        f"Printed by `{result['command']}`. {result['clips']} pairs of simulated clips of "
        f"{result['looks']} looks, made of DFDC `val` pictures "
        "(`backend/training/measure/simulated_clips.py`). "
        f"Within a clip the logits spread by {result['within']:.2f}, between clips by "
        f"{result['between']:.2f}; *moving* adds a drift of {DRIFT[0]}, as whole clips have. "
        "Cells: AUC, and the share of real clips above the threshold that whole real clips pass in "
        f"{result['alarms']:.0%} of the cases: a way that bad looks can swing shows there. "
        f"Where nothing else is said, a quarter or half in a row is at least {LEAST_PART} looks. "
        f"In clips of {SEVERAL} moments and more each face is judged by one look at its crop, in "
        "shorter ones by several; the last two columns judge these clips by several too.",
        "",
        *_grid(result["pools"]),
        "",
        "A clip is answered with the thresholds of single faces. They are strict for it: looks of "
        "one picture vary less than looks of a true clip, so thresholds of its own could not be "
        "trusted. With them, the stricter Fake threshold for all:",
        "",
        "| simulated clips | in truth | called Fake | called Real |",
        "|---|---|---|---|",
        *(
            f"| {row['case']} | {row['label']} | {row['fake']:.1%} | {row['real']:.1%} |"
            for row in result["answers"]
        ),
    ]
    if result["speakers"]:
        lines += ["", "Speakers of `dev`, all their frames as one clip; they chose nothing:", ""]
        lines += _grid(result["speakers"])
    if result["whole"]:
        lines += [
            "",
            "Whole clips through the application, too few for a rate:",
            "",
            "| clip | label | answer | probability fake | looks | spread of the logits |",
            "|---|---|---|---|---|---|",
        ]
        lines += [
            f"| {row['file']} | {row['label']} | {row['prediction']} "
            f"| {_number(row['probability_fake'])} | {row['looks']} | {_number(row['spread'])} |"
            for row in result["whole"]
        ]
    return "\n".join(lines) + "\n"


def _grid(rows: list[dict]) -> list[str]:
    cases = list(dict.fromkeys(row["case"] for row in rows))
    lines = [f"| way to pool | {' | '.join(cases)} |", "|---|" + "---|" * len(cases)]
    for name in dict.fromkeys(row["pool"] for row in rows):
        cells = [f"{r['auc']:.3f}, {r['alarms']:.0%}" for r in rows if r["pool"] == name]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
