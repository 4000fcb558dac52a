"""The whole measurement of a model: judge, check, and write what was found."""

from __future__ import annotations

import json
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path

from backend.models.classifier import Classifier
from backend.settings import ROOT, Settings
from backend.training.data.index import load, read_index
from backend.training.data.pair_sampler import without_pictures
from backend.training.evaluate import card
from backend.training.evaluate.failures import contact_sheet
from backend.training.evaluate.leakage import shortcuts
from backend.training.evaluate.predictions import Effort
from backend.training.evaluate.tables import evaluate
from backend.training.output_paths import prepare
from backend.training.recipe import Mix, read_recipe, stages


def report(
    settings: Settings,
    model: Path,
    data: Path,
    runs: Path,
    effort: Effort,
    out: Path | None,
    written: Path | None,
) -> str:
    """Measure a model and write the results.

    Args:
        model: the weights.
        data: folder that holds `faces/`.
        runs: folder whose `cache` keeps the faces found.
        effort: how much to judge.
        out: file for all results as JSON, or None.
        written: file for the model card, or None; measurements of other commands are read from
            `measurements/` beside it, and `failures.jpg` goes there. Shortcuts are checked only
            for the card and `out`.

    Returns:
        The table of sets and the files without an answer, as Markdown.

    Raises:
        SetupError: model or data are missing or damaged, or nothing can be written to `out` or
            `written`.
    """
    for path in filter(None, (out, written)):
        prepare(path)
    rows = read_index(data)
    dataset = load(data, runs / "cache", ("val", "dev"))
    classifier = Classifier(model, settings.cache, settings.engine)
    more = {}
    if out or written:  # before the long work, which would be lost if it failed
        recipes = _recipes(classifier.facts.made_with)
        chosen = "" if settings.engine == "auto" else f"DEEPFAKE_ENGINE={settings.engine} "
        arguments = shlex.join(_without_places(sys.argv[1:], data))
        more = {
            "command": f"{chosen}python -m backend {arguments}",
            "environment": card.environment()
            | {"engine": f"{classifier.engine}, {classifier.precision}"},
            "recipes": {path.name: path.read_text() for path in recipes},
            "beside": bool(recipes and read_recipe(recipes[-1]).manipulated_by),
            "data": card.sources(rows),
            "shortcuts": _shortcuts(rows, data, runs, recipes, effort),
        }
    document, judged = evaluate(classifier, dataset, rows, effort)
    document |= more
    if out:
        out.write_text(json.dumps(document, indent=1) + "\n")
    if written:
        failures = contact_sheet(judged, written.with_name("failures.jpg"))
        measured = card.read_measurements(written.parent / "measurements")
        written.write_text(card.render(document | {"failures": failures, "measured": measured}))
    lists = [("Unreadable", dataset.unreadable), ("No face found", dataset.faceless)]
    return card.table(document) + "".join(
        f"\n\n{kind}: {len(files)}" + "".join(f"\n  {file}" for file in files)
        for kind, files in lists
    )


def _shortcuts(rows, data: Path, runs: Path, recipes: list[Path], effort: Effort) -> list[dict]:
    """See `shortcuts`; none where the recipe is not known or its pairs cannot be drawn.

    Where two networks stand side by side, the pairs are of all kinds that either was shown.
    """
    labels = {row["label"] for row in rows if row["split"] == "train"}
    if not recipes or len(labels) < 2:
        return []
    recipe, train = read_recipe(recipes[-1]), load(data, runs / "cache", ("train",)).samples
    if recipe.manipulated_by:
        beside = read_recipe(recipes[-1].with_name(f"{recipe.manipulated_by[0]}.toml"))
        kinds = {
            kind: max(getattr(r.mix, kind) for r in (recipe, beside)) for kind in Mix.__slots__
        }
        recipe = replace(beside, mix=Mix(**kinds))
    return [] if without_pictures(recipe.mix, train) else shortcuts(train, recipe, effort.pairs)


def _recipes(made_with: str) -> list[Path]:
    """The stages of the run that made the model, first stage first.

    `made_with` of `temp_model.json` names the last one.
    """
    named = re.search(r"\S+\.toml", made_with)
    last = ROOT / named[0] if named else None
    return list(stages(last)) if last and last.is_file() else []


def _without_places(arguments: list[str], data: Path) -> list[str]:
    """The command line as anyone can run it: no folder of this machine, the data is DATA."""
    return [
        "DATA" if part == str(data) else Path(part).name if Path(part).is_absolute() else part
        for part in arguments
    ]
