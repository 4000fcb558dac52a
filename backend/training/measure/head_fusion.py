"""Ways to read the outputs in pictures: `python -m backend.training.measure.head_fusion DATA`.

Every face of `val` and `dev`, frames of clips too, is taken for a picture. Each way is calibrated
as `backend.training.calibrate` does it, on `val` and the real faces of `dev`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from backend.cli.exit_codes import answered
from backend.models.calibration import HALF_SHARP
from backend.models.classifier import Classifier
from backend.models.quality import SOFTEST
from backend.settings import load_settings
from backend.training.augment.conditions import CONDITIONS
from backend.training.calibrate import calibrate
from backend.training.data.index import Sample, load
from backend.training.evaluate.predictions import score
from backend.training.evaluate.subsets import sets
from backend.training.measure.ablation import either

HALVES = (0.01, 30.0, 50.0, 80.0, 120.0, 180.0)  # the first: every face counts as sharp
SHOWN = (
    "val dfdc",
    "val stills",
    "val all",
    "dev deepfaketimit",
    "dev flux-portraits",
    "dev flux-dev-pro + all real dev stills",
    "dev all",
)
UNTOUCHED, *CHANGED = CONDITIONS

Outputs = dict[str, np.ndarray]


def ways(outputs: Outputs) -> Iterator[tuple[str, Outputs, float]]:
    """Name, outputs (N, L, K) under each condition and half-sharpness of each way to read them."""
    single = {
        "the first output alone": lambda x: x[..., 0],
        "the second output alone": lambda x: x[..., 1],
        "one or the other (noisy or)": lambda x: either(x.mean(axis=1))[:, None],
    }
    for name, read in single.items():
        yield name, {k: read(x)[..., None] for k, x in outputs.items()}, HALF_SHARP
    for half in HALVES:
        name = f"by sharpness, halfway at {half:g}" if half > 1 else "weighed sum, sharp or not"
        yield name + (" (as served)" if half == HALF_SHARP else ""), outputs, half


def compare(
    samples: Sequence[Sample], outputs: Outputs, sharpness: dict[str, np.ndarray]
) -> list[dict]:
    """Calibrate and measure each way.

    Returns:
        Rows {way, auc: {set: AUC, untouched}, changed: {condition: AUC of `val all`}, fake, real:
        {split and source: share of its faces called Fake, untouched}}.
    """
    fake = np.array([s.fake for s in samples])
    held_out = np.array([s.split == "val" or not s.fake for s in samples])
    known = [s for s, own in zip(samples, held_out, strict=True) if own]
    both = {name: own for name, own in sets(samples) if own and len(set(fake[own])) == 2}
    sources = np.array([f"{s.split} {s.source}" for s in samples])
    rows = []
    for way, read, half in ways(outputs):
        parts = [{k: x[held_out] for k, x in each.items()} for each in (read, sharpness)]
        fitted = calibrate("image", known, *parts, half_sharp=half)
        logits = {k: fitted.logits(read[k], sharpness[k]) for k in CONDITIONS}
        called = fitted.probabilities(logits[UNTOUCHED]) >= fitted.threshold_fake
        called &= sharpness[UNTOUCHED] >= SOFTEST  # softer ones are not judged

        def auc(name: str, condition: str = UNTOUCHED, logits=logits) -> float:
            return float(roc_auc_score(fake[both[name]], logits[condition][both[name]]))

        def share(label: bool, called=called) -> dict[str, float]:
            own = fake == label
            names = sorted(set(sources[own]))
            return {name: float(called[own & (sources == name)].mean()) for name in names}

        rows.append(
            {
                "way": way,
                "auc": {name: auc(name) for name in both},
                "changed": {condition: auc("val all", condition) for condition in CHANGED},
                "fake": share(True),
                "real": share(False),
            }
        )
    return rows


def page(rows: Sequence[dict], name: str) -> str:
    """The rows as Markdown."""
    shown = [each for each in SHOWN if each in rows[0]["auc"]]
    lines = [
        "<!-- What weights and half-sharpness of pictures in temp_model.json rest on. -->",
        "# How the outputs are read in pictures",
        "",
        "Printed by `DEEPFAKE_ENGINE=openvino python -m backend.training.measure.head_fusion DATA`",
        f"with `{name}`. Every face is taken for a picture,",
        "frames of clips too. Each way is calibrated on `val` and the real faces of `dev`. The",
        "fakes of `dev` chose no weight and no threshold, but the way that is served was chosen",
        "with an eye on them.",
    ]
    for title, key, columns, form in (
        ("AUC", "auc", shown, ".3f"),
        ("AUC of `val all`, changed", "changed", CHANGED, ".3f"),
        ("Fake faces called Fake", "fake", list(rows[0]["fake"]), ".1%"),
        ("Real faces called Fake", "real", list(rows[0]["real"]), ".1%"),
    ):
        lines += ["", f"## {title}", "", f"| way | {' | '.join(columns)} |"]
        lines.append("|---|" + "---|" * len(columns))
        for row in rows:
            cells = " | ".join(format(row[key][column], form) for column in columns)
            lines.append(f"| {row['way']} | {cells} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the page and write it to `--out`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder that holds faces/")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="holds the found faces")
    parser.add_argument("--out", type=Path, default=Path("docs/measurements/reading.md"))
    args = parser.parse_args()
    samples = load(args.data, args.runs / "cache", ("val", "dev")).samples
    settings = load_settings()
    classifier = Classifier(settings.model, settings.cache, settings.engine)
    found = {name: score(classifier, samples, change) for name, change in CONDITIONS.items()}
    outputs, sharpness = ({name: each[part] for name, each in found.items()} for part in (0, 1))
    text = page(compare(samples, outputs, sharpness), classifier.facts.name)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(text)
    print(text)


if __name__ == "__main__":
    sys.exit(answered(main))
