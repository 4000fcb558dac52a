"""Measures a model on labelled faces: `python -m backend evaluate DATA`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score, roc_curve

from backend.training.data import Dataset, Sample
from backend.vision.classifier import Classifier

Change = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class Result:
    """Rates of one set of faces, each 0 to 1; None where the set lacks a label.

    Attributes:
        name: of the set.
        real, fake: how many faces of each label were judged.
        coverage: share of the set's files in which a face was found.
        auc: area under the ROC curve.
        eer: equal error rate.
        accuracy: share on the right side of probability 0.5, both labels weighing the same.
        real_called_fake, fake_called_real: share with the wrong verdict.
        inconclusive: share without a side, both labels together.
    """

    name: str
    real: int
    fake: int
    coverage: float
    auc: float | None
    eer: float | None
    accuracy: float | None
    real_called_fake: float | None
    fake_called_real: float | None
    inconclusive: float


def score(
    classifier: Classifier, samples: Sequence[Sample], change: Change | None = None
) -> np.ndarray:
    """Judge each sample as serving would.

    Args:
        change: applied to each picture before it is cropped.

    Returns:
        float32, shape (len(samples),): raw logits.
    """
    parts = []
    for start in range(0, len(samples), 64):
        crops = []
        for sample in samples[start : start + 64]:
            image = sample.image()
            crops.append(classifier.crop(change(image) if change else image, sample.box))
        parts.append(classifier.logits(np.stack(crops)))
        print(f"\rjudging {min(start + 64, len(samples))}/{len(samples)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def measure(
    name: str, fake: np.ndarray, logits: np.ndarray, classifier: Classifier, missing: int = 0
) -> Result:
    """Rates of one set.

    Args:
        fake: bool (N,), the labels.
        logits: float (N,).
        missing: files of the set in which no face was found.
    """
    probability = classifier.probabilities(logits)
    called_fake = probability >= classifier.facts.threshold_fake
    called_real = probability <= classifier.facts.threshold_real
    auc = eer = accuracy = None
    if fake.any() and not fake.all():
        auc = float(roc_auc_score(fake, logits))
        false_positive, true_positive, _ = roc_curve(fake, logits)
        nearest = np.argmin(np.abs(false_positive - (1 - true_positive)))
        eer = float(false_positive[nearest] + 1 - true_positive[nearest]) / 2
        right = (probability > 0.5) == fake
        accuracy = float((right[fake].mean() + right[~fake].mean()) / 2)
    return Result(
        name,
        int((~fake).sum()),
        int(fake.sum()),
        len(fake) / (len(fake) + missing),
        auc,
        eer,
        accuracy,
        float(called_fake[~fake].mean()) if (~fake).any() else None,
        float(called_real[fake].mean()) if fake.any() else None,
        float((~called_fake & ~called_real).mean()),
    )


def sets(samples: Sequence[Sample]) -> Iterator[tuple[str, list[int]]]:
    """The sets that are reported: (name, indices of their samples).

    Each archive of `val`, each source of `dev`, and single sources: real ones alone, and
    generators against all real stills of the same split.
    """

    def pick(test) -> list[int]:
        return [i for i, s in enumerate(samples) if test(s)]

    yield "val dfdc", pick(lambda s: s.split == "val" and s.archive == "dfdc.tar")
    yield "val stills", pick(lambda s: s.split == "val" and s.archive == "stills.tar")
    for name in sorted({s.source for s in samples if s.split == "val" and s.archive != "dfdc.tar"}):
        own = [s for s in samples if s.split == "val" and s.source == name]
        generated = any(s.fake for s in own)
        yield (
            f"val {name}",
            pick(
                lambda s, name=name, generated=generated: (
                    s.split == "val"
                    and s.archive == "stills.tar"
                    and (s.source == name or (generated and not s.fake))
                )
            ),
        )
    for name in sorted({s.source for s in samples if s.split == "dev"}):
        yield f"dev {name}", pick(lambda s, name=name: s.split == "dev" and s.source == name)
    yield (
        "dev flux-dev-pro + real dev stills",
        pick(
            lambda s: (
                s.split == "dev"
                and s.source in ("flux-dev-pro", "studio-dev", "conference-dev", "flux-portraits")
                and (s.source == "flux-dev-pro" or not s.fake)
            )
        ),
    )


def evaluate(classifier: Classifier, dataset: Dataset, rows: Iterable[dict]) -> list[Result]:
    """Judge `val` and `dev` and measure each set.

    Args:
        rows: of `index.csv`, to count the files in which no face was found.
    """
    samples = [s for s in dataset.samples if s.split in ("val", "dev")]
    logits = score(classifier, samples)
    fake = np.array([s.fake for s in samples])
    lost = set(dataset.unreadable) | set(dataset.faceless)
    missing = [row for row in rows if row["file"] in lost]
    results = []
    for name, members in sets(samples):
        if not members:
            continue
        kinds = {(samples[i].split, samples[i].source, samples[i].fake) for i in members}
        without = sum((r["split"], r["source"], r["label"] == "fake") in kinds for r in missing)
        results.append(measure(name, fake[members], logits[members], classifier, without))
    return results


def table(results: Sequence[Result]) -> str:
    """The results as a Markdown table; shares in per cent, AUC from 0 to 1."""
    lines = [
        "| set | real | fake | faces found | AUC | EER | accuracy at 0.5 "
        "| real called Fake | fake called Real | Inconclusive |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in results:
        lines.append(
            f"| {r.name} | {r.real} | {r.fake} | {r.coverage:.1%} "
            f"| {'–' if r.auc is None else f'{r.auc:.3f}'} "
            + "".join(
                f"| {'–' if value is None else f'{value:.1%}'} "
                for value in (
                    r.eer, r.accuracy, r.real_called_fake, r.fake_called_real, r.inconclusive
                )
            )
            + "|"
        )  # fmt: skip
    return "\n".join(lines)


def write_json(results: Sequence[Result], classifier: Classifier, path: Path) -> None:
    """Keep the results with the model they belong to."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"model": classifier.facts.model_dump(), "sets": [asdict(r) for r in results]}
    path.write_text(json.dumps(content, indent=1) + "\n")
