"""The tables of a measurement in Markdown: how often right, wrong and silent, and on what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

KINDS = {"video": "clips", "image": "pictures", "small_image": "small pictures"}
# What the files of a split are to the model, for people who do not know the names.
SPLITS = {
    "train": "files that the model was trained on",
    "val": "other files of the methods and sources of training",
    "dev-a": "methods and sources that training never saw, but that set the thresholds",
    "dev-b": "methods and sources that neither training nor the thresholds saw",
}
DASH = "–"


def tables(document: dict) -> str:
    """All tables of the document that `python -m backend evaluate` makes, as one page."""
    model = document["model"]
    parts = [
        "# The model, by method and source",
        f"Printed by `{document['command']}`, of the model with the SHA-256 `{model['sha256']}` "
        f"and the profile `{model['profile']}`. Brackets hold 95 % intervals.",
    ]
    for split in splits(document):
        parts += [
            f"## {split}: {SPLITS[split]}",
            people(document, split),
            sets(document, split),
            f"### Methods, {split}",
            pools(document, "methods", split),
            f"### Real sources, {split}",
            pools(document, "sources", split),
        ]
        if refused(document, split):
            parts.append(f"Files without an answer, {split}: {refused(document, split)}.")
    parts += ["## Files that scored alike", bins(document)]
    if document["robustness"]:
        parts += ["## Single faces that lost quality", robustness(document)]
    return "\n\n".join(part for part in parts if part)


def splits(document: dict) -> list[str]:
    """The splits that were judged, in order."""
    return list(dict.fromkeys(row["split"] for row in document["people"]))


def people(document: dict, split: str) -> str:
    """How often the answer is right, wrong and silent, a line for each kind of file.

    Shares are of the files that could be judged.
    """
    return table(
        ("files", "right", "wrong", "silent", "leaning right", "judged"),
        [
            (
                row["name"],
                *(percent(row[name]) for name in ("right", "wrong", "silent", "leaning_right")),
                f"{row['files'] - row['unjudged']} of {row['files']}",
            )
            for row in document["people"]
            if row["split"] == split
        ],
    )


def sets(document: dict, split: str) -> str:
    """The fakes of each family beside all real files of the same kind."""
    return table(
        (
            "files", "real", "fake", "AUC", "TPR at 1 % FPR", "at 5 %", "ECE",
            "fakes called Fake", "called Real", "undecided",
        ),
        [
            (
                f"{KINDS[row['kind']]}, {row['family']}",
                row["real"],
                row["fake"],
                interval(row["auc"]),
                percent(row["tpr_at_1_fpr"]),
                percent(row["tpr_at_5_fpr"]),
                number(row["ece"]),
                percent(row["called_fake"]),
                percent(row["called_real"]),
                percent(row["undecided"]),
            )
            for row in document["sets"]
            if row["split"] == split
        ],
    )  # fmt: skip


def pools(document: dict, name: str, split: str, least: int = 1) -> str:
    """The answers to the fakes of each method, or to the real files of each source.

    Args:
        name: "methods" or "sources".
        least: files that a row must have.
    """
    return table(
        (name[:-1], "kind", "files", "called Fake", "called Real", "undecided", "median score"),
        [
            (
                row["name"],
                KINDS[row["kind"]],
                row["files"],
                interval(row["called_fake"], percent),
                percent(row["called_real"]),
                percent(row["undecided"]),
                percent(row["median"]),
            )
            for row in document[name]
            if row["split"] == split and row["files"] >= least
        ],
    )


def robustness(document: dict) -> str:
    """AUC of single faces under each condition, and how much of it was lost."""
    return table(
        ("condition", "of", "faces", "AUC", "drop"),
        [
            (
                row["condition"],
                KINDS[row["kind"]],
                row["faces"],
                interval(row["auc"]),
                interval(row["drop"]),
            )
            for row in document["robustness"]
        ],
    )


def bins(document: dict) -> str:
    """Of files that scored alike, the share that was manipulated."""
    return table(
        ("files", "score", "judged", "manipulated"),
        [
            (
                KINDS[kind],
                f"{percent(row['low'])} to {percent(row['high'])}",
                row["files"],
                percent(row["fake"]),
            )
            for kind, rows in document["bins"].items()
            for row in rows
        ],
    )


def refused(document: dict, split: str) -> str:
    """Why files got no score, and how many; "" where all did."""
    rows = [row for row in document["refused"] if row["split"] == split]
    return ", ".join(f"{row['problem'].replace('_', ' ')} ({row['files']})" for row in rows)


def number(value: dict | float | None) -> str:
    """An estimate or a number with three digits; a dash for none."""
    value = value["value"] if isinstance(value, dict) else value
    return DASH if value is None else f"{value:.3f}"


def percent(value: dict | float | None) -> str:
    """As `number`, in per cent with one digit."""
    value = value["value"] if isinstance(value, dict) else value
    return DASH if value is None else f"{value:.1%}"


def interval(value: dict | None, show=number) -> str:
    """An estimate with its interval, written by `number` or `percent`."""
    if value is None:
        return DASH
    return f"{show(value)} ({show(value['low'])}–{show(value['high'])})"


def table(head: Sequence[str], rows: Iterable[Sequence]) -> str:
    """A table in Markdown; "" without rows."""
    lines = ["| " + " | ".join(str(cell).replace("|", "/") for cell in row) + " |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *lines])
