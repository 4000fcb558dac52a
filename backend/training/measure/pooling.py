"""How the looks of a clip become one score: `python -m backend.training.measure.pooling DATA`.

Measures ways to pool on clips simulated from DFDC `val` pairs. `dev` speakers and whole clips are
reported beside them and choose nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from backend.analysis.pipeline import Pipeline, build_pipeline
from backend.cli.exit_codes import answered
from backend.evidence import verdict
from backend.media import intake
from backend.models.calibration import Calibration
from backend.settings import Settings, load_settings
from backend.training.data.index import Sample, load, read_clip_index, reading
from backend.training.evaluate.predictions import score
from backend.training.measure.pooling_page import page
from backend.training.measure.simulated_clips import ONE, SEED, replace, scenarios, simulate

LOOKS, BAD = 32, 8  # looks are `Settings.moments`
FALSE_ALARMS = 0.05  # share of whole, still, real clips above the threshold that the others share
SERVED = "what `verdict.pool` does"

Pool = Callable[[np.ndarray], np.ndarray]  # logits (clips, looks) -> scores (clips,)


def main() -> None:
    """Write the tables to `--out` as Markdown, and as JSON beside it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds faces/ and clips/")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--clips", type=int, default=150, help="simulated clips a label")
    parser.add_argument("--out", type=Path, default=Path("docs/measurements/pooling.md"))
    args = parser.parse_args()
    there = (args.data / "clips" / "index.csv").is_file()
    listed = read_clip_index(args.data) if there else []
    settings = load_settings()
    pipeline = build_pipeline(settings)
    classifier = pipeline.faces.classifier.of("video")
    samples = load(args.data, args.runs / "cache", ("val", "dev")).samples
    pairs = draw_pairs([s for s in samples if s.split == "val"], args.clips)
    real, fake = (simulate(classifier, members, LOOKS, BAD) for members in pairs)
    speakers = [s for s in samples if s.archive == "timit.tar"]
    logits = classifier.calibration.logits(*score(classifier, speakers))
    result = {
        "command": f"python -m backend.training.measure.pooling DATA --clips {args.clips}",
        "model": classifier.card.sha256,
        "clips": len(real.good),
        "alarms": FALSE_ALARMS,
        "looks": LOOKS,
        "within": float(real.good[..., ONE].std(axis=1).mean()),
        "between": float(real.good[..., ONE].mean(axis=1).std()),
        "pools": compare(scenarios(real, fake), pools()),
        "answers": answers(scenarios(real, fake), classifier.calibration),
        "speakers": compare(speaker_scenarios(speakers, logits), pools()),
        "whole": whole_clips(pipeline, settings, args.data / "clips", listed),
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    args.out.write_text(page(result))
    print(page(result))


def pools() -> dict[str, Pool]:
    """Name -> way to pool, the served one last."""

    def worst(how, part: int, discount: float | None, least: int = verdict.LEAST_PART) -> Pool:
        def pooled(x):
            width = max(least, x.shape[1] // part)
            if width >= x.shape[1]:
                return _trimmed(x)
            windows = np.lib.stride_tricks.sliding_window_view(x, width, axis=1)
            scores = how(windows, axis=2).max(axis=1)
            return scores if discount is None else np.maximum(_trimmed(x), scores - discount)

        return pooled

    return {
        "mean": lambda x: x.mean(axis=1),
        "trimmed mean": _trimmed,
        "median": lambda x: np.median(x, axis=1),
        "mean probability": lambda x: (1 / (1 + np.exp(-x))).mean(axis=1),
        "maximum": lambda x: x.max(axis=1),
        "mean of the top quarter": lambda x: np.sort(x, axis=1)[:, -(x.shape[1] // 4) :].mean(1),
        "mean of the worst quarter in a row": worst(np.mean, 4, None),
        "median of the worst quarter in a row": worst(np.median, 4, None),
        "median of the worst half in a row": worst(np.median, 2, None),
        "trimmed mean, or the worst quarter less 1": worst(np.median, 4, 1.0),
        "trimmed mean, or the worst quarter less 1.5": worst(np.median, 4, 1.5),
        "what `verdict.pool` does, with a quarter of at least 5": worst(
            np.median, 4, verdict.DISCOUNT, least=5
        ),
        SERVED: lambda x: np.array([verdict.pool(row)[0] for row in x]),
    }


def _trimmed(x: np.ndarray) -> np.ndarray:
    cut = int(verdict.TRIM * x.shape[1])
    return np.sort(x, axis=1)[:, cut : x.shape[1] - cut].mean(axis=1)


def speaker_scenarios(
    speakers: Sequence[Sample], logits: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """As `scenarios`: all frames of a `dev` speaker are one clip."""
    groups: dict[tuple[bool, str], list[float]] = {}
    for sample, logit in zip(speakers, logits, strict=True):
        groups.setdefault((sample.fake, sample.group), []).append(float(logit))
    names = sorted({name for _, name in groups if {(True, name), (False, name)} <= set(groups)})
    if not names:
        return {}
    looks = min(len(frames) for frames in groups.values())
    real, fake = (
        np.array([groups[label, name][:looks] for name in names]) for label in (False, True)
    )
    part = replace(real, fake, max(1, looks // 4), np.random.default_rng(SEED))
    return {"speakers": (real, fake), "speakers, a quarter swapped": (real, part)}


def compare(
    cases: dict[str, tuple[np.ndarray, np.ndarray]], ways: dict[str, Pool]
) -> list[dict[str, object]]:
    """Rows {pool, case, auc, caught, alarms}.

    `caught` and `alarms` are the shares of manipulated and of real clips above the threshold that
    `FALSE_ALARMS` of the real clips of the first case pass.
    """
    rows = []
    for name, pool in ways.items():
        threshold = None
        for case, (real, fake) in cases.items():
            low, high = pool(real), pool(fake)
            if threshold is None:
                threshold = np.quantile(low, 1 - FALSE_ALARMS)
            labels = np.repeat([0, 1], [len(low), len(high)])
            rows.append(
                {
                    "pool": name,
                    "case": case,
                    "auc": float(roc_auc_score(labels, np.concatenate([low, high]))),
                    "caught": float((high > threshold).mean()),
                    "alarms": float((low > threshold).mean()),
                }
            )
    return rows


def answers(
    cases: dict[str, tuple[np.ndarray, np.ndarray]], calibration: Calibration
) -> list[dict[str, object]]:
    """Rows {case, label, fake, real}: shares called so, with the thresholds of single faces."""
    pool = pools()[SERVED]
    limit, rows = calibration.threshold_fake, []
    for case, members in cases.items():
        for label, logits in zip(("real", "fake"), members, strict=True):
            said = calibration.probabilities(pool(logits))
            runs = np.lib.stride_tricks.sliding_window_view(
                calibration.probabilities(logits) >= limit, verdict.RUN, axis=1
            )
            part = runs.all(axis=2).any(axis=1)  # which forbids the answer Real
            rows.append(
                {
                    "case": case,
                    "label": label,
                    "fake": float((said >= limit).mean()),
                    "real": float(((said <= calibration.threshold_real) & ~part).mean()),
                }
            )
    return rows


def whole_clips(pipeline: Pipeline, settings: Settings, folder: Path, listed) -> list[dict]:
    """Rows {file, label, prediction, probability_fake, looks, spread} of those listed."""
    rows = []
    for row in listed:
        path = folder / row["file"]
        with reading(path):
            analysis = pipeline.analyse(intake.check(path, path.name, settings), None)
        track = analysis.verdict.track
        logits = [s.logit for f in analysis.frames for s in f.faces if s.track == track]
        logits = [logit for logit in logits if logit is not None]
        rows.append(
            {
                "file": row["file"],
                "label": row["label"],
                "prediction": analysis.verdict.prediction,
                "probability_fake": analysis.verdict.probability_fake,
                "looks": len(logits),
                "spread": float(np.std(logits)) if logits else None,
            }
        )
    return rows


def draw_pairs(val: Sequence[Sample], count: int) -> tuple[list[Sample], list[Sample]]:
    """The real and the swapped members of at most `count` pairs, in the same order."""
    groups: dict[str, dict[bool, Sample]] = {}
    for sample in val:
        if sample.archive == "dfdc.tar":
            groups.setdefault(sample.group, {})[sample.fake] = sample
    pairs = [pair for pair in groups.values() if len(pair) == 2]
    order = np.random.default_rng(SEED).permutation(len(pairs))[:count]
    return [pairs[i][False] for i in order], [pairs[i][True] for i in order]


if __name__ == "__main__":
    sys.exit(answered(main))
