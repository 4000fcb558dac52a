"""Measures a model on labelled faces: `python -m backend evaluate DATA`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict

import numpy as np
from sklearn.metrics import roc_auc_score

from backend.analysis.face_scores import views_of_each
from backend.evidence import verdict
from backend.models.calibration import Kind
from backend.models.classifier import Classifier
from backend.models.quality import SOFTEST
from backend.training.augment.conditions import UNTOUCHED
from backend.training.data.index import Dataset
from backend.training.evaluate import reliability, robustness
from backend.training.evaluate.metrics import Scored, measure
from backend.training.evaluate.predictions import Effort, Judged, judge
from backend.training.evaluate.subsets import RELIABLE, sets

FRAMES = 5  # of one label and group, from which on they are taken for a clip


def evaluate(
    classifier: Classifier, dataset: Dataset, rows: Iterable[dict], effort: Effort
) -> tuple[dict, Judged]:
    """Judge `val` and `dev` and measure each set.

    Args:
        rows: of `index.csv`, to count the files in which no face was found.

    Returns:
        (the document that `--out` keeps, ready for JSON; what the network said behind it).
    """
    samples = [s for s in dataset.samples if s.split in ("val", "dev")]
    judged = judge(classifier, samples, effort)
    lost = set(dataset.unreadable) | set(dataset.faceless)
    missing = [
        row
        for row in rows
        if f"{row['archive']}/{row['file']}" in lost and row["split"] in ("val", "dev")
    ]
    frames = []
    for name, members in sets(samples):
        if not members:
            continue
        kinds = {(samples[i].split, samples[i].source, samples[i].fake) for i in members}
        without = sum((r["split"], r["source"], r["label"] == "fake") in kinds for r in missing)
        row = _row(judged, name, judged.scored(np.array(members)), effort)
        frames.append(row | {"coverage": len(members) / (len(members) + without)})
    coverage = {row["name"]: row["coverage"] for row in frames}
    for name, members in sets(samples):  # a frame that someone uploads as a picture
        if members and {samples[i].kind for i in members} == {"video"}:
            row = _row(
                judged,
                f"{name}, as pictures",
                judged.scored(np.array(members), kind="image"),
                effort,
            )
            frames.append(row | {"coverage": coverage[name]})
    document = {
        "model": classifier.facts.model_dump(),
        "effort": asdict(effort),
        "sets": frames,
        "clips": [_row(judged, name, each, effort) for name, each in _clips(judged)],
        "heads": _heads(judged),
        "robustness": robustness.grid(judged, effort.resamples),
        "real_faces": robustness.real_faces(judged),
        "reliability": [
            row
            for name, members in sets(samples)
            if name in RELIABLE and members
            for row in reliability.reliability(name, judged.scored(np.array(members)))
        ],
        "held_out": reliability.held_out(judged) if effort.complete else [],
        "strangers": reliability.strangers(judged) if effort.complete else [],
        "unreadable": dataset.unreadable,
        "faceless": dataset.faceless,
    }
    return document, judged


def _heads(judged: Judged) -> list[dict]:
    """Rows {set, auc} of a network with several heads: what each knows by itself."""
    kinds: tuple[Kind, ...] = ("image", "video")
    outputs = judged.outputs[UNTOUCHED]
    of = {kind: judged.classifier.of(kind).calibration.averaged(outputs) for kind in kinds}
    outputs = np.stack([of[s.kind][i] for i, s in enumerate(judged.samples)])
    fake = np.array([s.fake for s in judged.samples])
    return [
        {"set": name, "auc": [float(roc_auc_score(fake[own], head)) for head in outputs[own].T]}
        for name, own in sets(judged.samples)
        if outputs.shape[1] > 1 and own and len(set(fake[own])) == 2
    ]


def _row(judged: Judged, name: str, scored: Scored, effort: Effort) -> dict:
    numbers = {key: asdict(value) for key, value in measure(scored, effort.resamples).items()}
    return {
        "name": name,
        "real": int((~scored.fake).sum()),
        "fake": int(scored.fake.sum()),
        "groups": len(set(scored.groups)),
        **dict.fromkeys(("auc", "eer", "ap", "tpr_at_1_fpr", "ece", "brier")),
        **numbers,
        **judged.rates(scored),
    }


def _clips(judged: Judged) -> Iterator[tuple[str, Scored]]:
    """Sources with several frames of one label a group: each such run is pooled as a clip is."""
    outputs, sharpness = (
        judged.outputs[UNTOUCHED],
        judged.sharpness[UNTOUCHED],
    )
    frames: dict[tuple, dict[tuple, list[int]]] = {}
    for i, sample in enumerate(judged.samples):
        if sharpness[i] >= SOFTEST:
            clips = frames.setdefault((sample.split, sample.source), {})
            clips.setdefault((sample.group, sample.fake), []).append(i)
    for (split, source), clips in sorted(frames.items()):
        if min(len(looks) for looks in clips.values()) >= FRAMES:
            how = judged.classifier.of("video").calibration
            pooled = [
                verdict.pool(how.logits(outputs[looks, :each], sharpness[looks]).tolist())
                for looks in clips.values()
                for each in [views_of_each(len(looks))]  # as serving does
            ]
            ranks = how.calibrated(np.array([score for score, _ in pooled]))
            yield (
                f"{split} {source}, all frames of a group as one clip",
                Scored(
                    np.array([fake for _, fake in clips]),
                    ranks,
                    1 / (1 + np.exp(-ranks)),
                    [group for group, _ in clips],
                    how.threshold_fake,
                    how.threshold_real,
                ),
            )
