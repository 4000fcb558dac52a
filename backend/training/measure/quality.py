"""Brightness and sharpness of real faces: `python -m backend.training.measure.quality DATA`."""

from __future__ import annotations

import argparse
import sys
import zlib
from collections import defaultdict
from pathlib import Path

import numpy as np

from backend.cli.exit_codes import answered
from backend.models import quality
from backend.models.classifier import Classifier
from backend.settings import load_settings
from backend.training.data.index import load

POINTS = (0.5, 1, 5, 50, 95)  # per cent of the faces that lie below


def main() -> None:
    """Print a Markdown table of percentiles, source by source, and write it to `--out`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds faces/")
    parser.add_argument("--out", type=Path, default=Path("docs/measurements/quality.md"))
    args = parser.parse_args()
    settings = load_settings()
    classifier = Classifier(settings.model, settings.cache)
    values = defaultdict(list)
    for sample in load(args.data, Path("runs/cache")).samples:
        if sample.fake or (sample.split == "train" and zlib.crc32(sample.group.encode()) % 8):
            continue  # every eighth of the large split is enough for a percentile
        crop = classifier.crop(sample.image(), sample.box)
        values["brightness", sample.source].append(quality.brightness(crop))
        values["sharpness", sample.source].append(quality.sharpness(crop))
    lines = [
        "<!-- Ranges behind the limits in backend/models/quality.py. -->",
        "# How bright and how sharp real faces are",
        "",
        "Printed by `python -m backend.training.measure.quality DATA`: percentiles over the real",
        "faces of each source, of the crop before a dark one is brightened. Limits in use:",
        f"brightness {quality.DARKEST:g}, sharpness {quality.SOFTEST:g}.",
        "",
        "| measure | source | faces | "
        + " | ".join(f"{p} %" for p in POINTS)
        + " | below the limit |",
        "|---|---|---|" + "---|" * (len(POINTS) + 1),
    ]
    for (measure, source), numbers in sorted(values.items()):
        limit = quality.DARKEST if measure == "brightness" else quality.SOFTEST
        cells = " | ".join(f"{value:.1f}" for value in np.percentile(numbers, POINTS))
        below = np.mean(np.array(numbers) < limit)
        lines.append(f"| {measure} | {source} | {len(numbers)} | {cells} | {below:.1%} |")
    text = "\n".join(lines) + "\n"
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(text)
    print(text)


if __name__ == "__main__":
    sys.exit(answered(main))
