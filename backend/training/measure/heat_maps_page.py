"""Measures the heat maps: `python -m backend.training.measure.heat_maps_page DATA`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from backend.cli.exit_codes import answered
from backend.models.classifier import Classifier
from backend.settings import load_settings
from backend.training.data.index import load
from backend.training.measure.heat_maps import Row, blends, choose, judge, measure, swaps

EACH = 75  # blends of each region, and as many swaps as three regions have blends


def table(rows: Sequence[Row], classifier: Classifier, threshold: float) -> str:
    """The page in Markdown."""

    def cell(value: float | None, interval: tuple[float, float] | None = None) -> str:
        if value is None:
            return "–"
        return f"{value:.2f}" + (f" ({interval[0]:.2f} to {interval[1]:.2f})" if interval else "")

    lines = [
        "<!-- How well the heat maps find what was changed. -->",
        "# Where the model looked, against what was changed",
        "",
        "Printed by `python -m backend.training.measure.heat_maps_page DATA` with the model",
        f"`{classifier.facts.name}`, on faces of `val` that were blended with a changed copy of",
        "themselves in one region, and on DFDC swaps, where what differs from the original counts",
        "as changed. Pointing game: how often the hottest place of the map lies in what was",
        "changed; its level of chance is the changed area's share of the crop. IoU: of the faces",
        f"that scored above 50 %, at the map's best threshold, {threshold:g} log-odds from where",
        "the page begins to colour, chosen on the other half of the blends; beside it the IoU of",
        "what the page colours, and of a disc in the middle, of the best radius. Ranking: chance",
        "that a changed pixel is hotter than an unchanged one of the",
        "same face (0.5: none). In brackets, 95 % intervals.",
        "",
        "| changed | faces | changed area (chance) | always the middle | pointing game "
        "| scored above 50 % | pointing game of these | IoU of these | IoU of the colour "
        "| IoU of a disc | ranking |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        cells = (
            r.kind, str(r.trials), cell(r.area), cell(r.middle), cell(r.hit, r.hit_interval),
            str(r.found), cell(r.found_hit, r.found_hit_interval), cell(r.iou, r.iou_interval),
            cell(r.drawn_iou), cell(r.disc_iou), cell(r.ranking),
        )  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the page and write it beside the JSON of `--out`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds faces/")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="holds the found faces")
    parser.add_argument("--model", type=Path, help="default: the setting DEEPFAKE_MODEL")
    parser.add_argument("--out", type=Path, default=Path("docs/measurements/maps.json"))
    parser.add_argument("--each", type=int, default=EACH, help="blends of each region")
    args = parser.parse_args()
    settings = load_settings()
    model = args.model or settings.model
    # As frames of clips: by the head that knows changed faces.
    classifier = Classifier(model, settings.cache, settings.engine).of("video")
    dataset = load(args.data, args.runs / "cache", ("val",))
    blended = judge(classifier, list(blends(dataset, classifier, args.each)))
    swapped = judge(classifier, list(swaps(dataset, classifier, 3 * args.each)))
    threshold, radius = choose(blended)
    rows = measure([*blended, *swapped], threshold, radius)
    text = table(rows, classifier, threshold)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "model": classifier.facts.model_dump(),
        "threshold": threshold,
        "disc_radius": radius,
        "rows": [asdict(row) for row in rows],
    }
    args.out.write_text(json.dumps(content, indent=1) + "\n")
    args.out.with_suffix(".md").write_text(text)
    print(text)


if __name__ == "__main__":
    sys.exit(answered(main))
