"""The whole measurement of a model: `python -m backend evaluate DATA`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from backend.errors import SetupError
from backend.models.members import TrackNetwork
from backend.models.model_file import read_config
from backend.models.registry import open_scorer
from backend.settings import Settings
from backend.training.data.face_cache import face_cache
from backend.training.data.index import SPLITS, read_index
from backend.training.evaluate import card
from backend.training.evaluate.files import judge_files
from backend.training.evaluate.markdown_tables import tables
from backend.training.evaluate.metrics import RESAMPLES
from backend.training.evaluate.robustness import robustness
from backend.training.evaluate.tables import evaluate
from backend.training.output_paths import prepare

ROUGH = 200  # resamples of a quick run


def run(
    settings: Settings,
    data: Path,
    runs: Path,
    splits: Sequence[str],
    out: Path | None = None,
    written: Path | None = None,
    quick: bool = False,
) -> str:
    """Measure a model and write what was found.

    Args:
        settings: with the model, the profile and the engine.
        data: folder with an `index.csv`.
        runs: folder whose `cache` keeps the faces found.
        splits: what to judge; the robustness and the bins are of the last.
        out: file for all results as JSON.
        written: file for the model card; the page of sources goes into `measurements/` beside it.
        quick: leaves the robustness out, and takes few resamples.

    Returns:
        The tables, as Markdown.

    Raises:
        SetupError: the model or the data are missing or damaged, a split is unknown or empty, or
            nothing can be written.
    """
    for path in filter(None, (out, written)):
        prepare(path)
    if unknown := set(splits) - set(SPLITS):
        raise SetupError(
            f"Unknown split. Expected {', '.join(SPLITS)}. Received: {', '.join(sorted(unknown))}."
        )
    rows = read_index(data)
    chosen = [row for split in splits for row in rows if row.split == split]
    if not chosen:
        raise SetupError(f"The index has no file of the split {' or '.join(splits)}.")
    config = read_config(settings.model, settings.ensemble)
    resamples = ROUGH if quick else RESAMPLES
    document = {
        "model": {**config.facts, "profile": settings.profile},
        "command": f"python -m backend {' '.join(_without_places(sys.argv[1:], data))}",
        "data": card.sources(rows),
        **evaluate(judge_files(settings, data, chosen), resamples),
        "robustness": [],
    }
    if not quick:
        faces = face_cache(data, rows, runs / "cache").of(splits[-1])
        folder = settings.model.parent
        scorers = {
            member.name: open_scorer(member, folder, settings.cache, settings.engine)
            for member in config.members
            if not isinstance(member, TrackNetwork)
        }
        document["robustness"] = robustness(scorers, config, faces, resamples)
    if out:
        out.write_text(_a_row_a_line(document))
    if written:
        measurements = written.parent / "measurements"
        measurements.mkdir(exist_ok=True)
        (measurements / "sources.md").write_text(card.sources_page(document))
        written.write_text(card.render(document, config, measurements))
    return tables(document)


def _a_row_a_line(document: dict) -> str:
    """JSON that people can read and compare: each row of a table is one line."""
    parts = []
    for name, value in document.items():
        text = json.dumps(value)
        if isinstance(value, list) and value:
            text = "[\n" + ",\n".join(f"  {json.dumps(row)}" for row in value) + "\n ]"
        parts.append(f" {json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _without_places(arguments: list[str], data: Path) -> list[str]:
    """The command line as anyone can run it: no folder of this machine, the data is DATA."""
    return [
        "DATA" if part == str(data) else Path(part).name if Path(part).is_absolute() else part
        for part in arguments
    ]
