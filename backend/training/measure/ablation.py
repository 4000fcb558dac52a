"""What each part of the recipe gives.

`python -m backend.training.measure.ablation DATA --runs FOLDER` prints it.

Trains every run of `configs/ablations.toml` and measures it on `val` and `dev`, each face judged
once; finished runs are kept, so that the command can be stopped and called again. Nothing is chosen
by what it prints on `dev`. Of runs that leave real sources out, it also says how many of their
faces are called Fake.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from backend.cli.exit_codes import answered
from backend.models.crops import crop_face
from backend.models.quality import SOFTEST, sharpness
from backend.training.calibrate import calibrate
from backend.training.data.index import Dataset, Sample, load
from backend.training.evaluate.subsets import sets
from backend.training.fit.loop import fit
from backend.training.recipe import Recipe, to_recipe

CONFIG = Path(__file__).parent.parent / "configs" / "ablations.toml"


def read_runs(path: Path) -> list[tuple[Recipe, str]]:
    """The recipes of the file and what each is for: common fields, overridden run by run."""
    common = tomllib.loads(path.read_text())
    runs = []
    for own in common.pop("run"):
        purpose = own.pop("purpose")
        mix = {**common["mix"], **own.pop("mix", {})}
        place = f"{path.name}, run {own.get('name')}"
        runs.append((to_recipe({**common, **own, "mix": mix}, place), purpose))
    return runs


def score(network, samples: Sequence[Sample], recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """Outputs and sharpness of samples as they are: float32 (N, K) and float64 (N,)."""
    import torch

    device = next(network.parameters()).device
    outputs, sharp = [], []
    with torch.inference_mode():
        for start in range(0, len(samples), 64):
            crops = [
                crop_face(s.image(), s.box, recipe.margin, recipe.size)
                for s in samples[start : start + 64]
            ]
            images = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).to(device)
            outputs.append(network(images)[0].float().cpu().numpy())
            sharp += map(sharpness, crops)
    return np.concatenate(outputs)[:, None], np.array(sharp)


def either(logits: np.ndarray) -> np.ndarray:
    """The logit of one thing or another being so, each independent: a "noisy or" (Pearl, 1988).

    Unlike what serving reads it needs no calibration, so that runs are compared by the network
    alone.

    Args:
        logits: float, shape (N, K).

    Returns:
        Shape (N,).
    """
    # Minus the logarithm of P(none of them); beyond 60 float32 would lose one of the two ends.
    none = np.logaddexp(0, np.clip(logits, -60, 60)).sum(axis=1)
    return none + np.log(-np.expm1(-none))


def measure(recipe: Recipe, network, dataset: Dataset) -> dict[str, float]:
    """AUC of every set that has both labels: frames by the first head, pictures by either."""
    outputs, _ = score(network, dataset.samples, recipe)
    frames = np.array([s.kind == "video" for s in dataset.samples])
    logits = np.where(frames, outputs[:, 0, 0], either(outputs[:, 0]))
    fake = np.array([s.fake for s in dataset.samples])
    results = {}
    for name, members in sets(dataset.samples):
        if members and len(set(fake[members])) == 2:
            results[name] = round(roc_auc_score(fake[members], logits[members]), 4)
    return results


def strangers(recipe: Recipe, network, train: Dataset, test: Dataset) -> dict[str, dict]:
    """Real faces called Fake of each source that was neither trained on nor calibrated with.

    Returns:
        source -> {"faces": those sharp enough to be judged, "called_fake": share of them}.
    """
    everything = [*train.samples, *test.samples]
    unseen = {n: [s for s in everything if s.source == n and not s.fake] for n in recipe.leave_out}
    if not any(unseen.values()):
        return {}
    known = [
        s
        for s in test.samples
        if s.source not in recipe.leave_out and (s.split == "val" or not s.fake)
    ]
    looks = [{"as it is": found} for found in score(network, known, recipe)]
    results = {}
    for source, samples in unseen.items():
        if not samples:
            continue
        fitted = calibrate(samples[0].kind, known, *looks)
        outputs, sharp = score(network, samples, recipe)
        judged = sharp >= SOFTEST
        said = fitted.probabilities(fitted.logits(outputs, sharp))
        called = (said >= fitted.threshold_fake)[judged]
        results[source] = {
            "faces": int(judged.sum()),
            "called_fake": round(float(called.mean()), 4),
        }
    return results


def table(runs: list[dict]) -> str:
    """The runs as a Markdown table of AUCs, and one of the sources left out."""
    columns = list(dict.fromkeys(name for run in runs for name in run["results"]))
    lines = [
        f"| run | {' | '.join(columns)} |",
        f"|---|{'---|' * len(columns)}",
    ]
    for run in runs:
        found = run["results"]
        cells = (f"{found[name]:.3f}" if name in found else "–" for name in columns)
        lines.append(f"| {run['purpose']} | {' | '.join(cells)} |")
    lines += ["", "| run | source left out | its real faces | called Fake |", "|---|---|---|---|"]
    for run in runs:
        for source, found in run.get("strangers", {}).items():
            cells = (run["purpose"], source, f"{found['faces']}", f"{found['called_fake']:.1%}")
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run what is missing, then print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--out", type=Path, default=Path("docs/measurements/ablations.json"))
    parser.add_argument("names", nargs="*", help="runs to do; all when none is named")
    args = parser.parse_intermixed_args()  # names may stand behind options
    train = load(args.data, args.runs / "cache", ("train",))
    test = load(args.data, args.runs / "cache", ("val", "dev"))
    done = json.loads(args.out.read_text()) if args.out.is_file() else []
    for recipe, purpose in read_runs(args.config):
        known = {run["name"] for run in done}
        if recipe.name in known or (args.names and recipe.name not in args.names):
            continue
        network = fit(recipe, train, args.runs / f"ablation-{recipe.name}")
        run = {"name": recipe.name, "purpose": purpose, "recipe": asdict(recipe)}
        run["results"] = measure(recipe, network, test)
        run["strangers"] = strangers(recipe, network, train, test)
        done.append(run)
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(done, indent=1) + "\n")
        args.out.with_suffix(".md").write_text(table(done))
    print(table(done))


if __name__ == "__main__":
    sys.exit(answered(main))
