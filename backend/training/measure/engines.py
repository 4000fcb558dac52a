"""What each precision of OpenVINO costs: `python -m backend.training.measure.engines DATA`.

Measured on this machine and its processor: bf16 only where the processor has it, int8 (made with
NNCF's post-training quantisation) everywhere.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from backend.cli.exit_codes import answered
from backend.engines import Engine, Weights
from backend.engines.openvino import (
    OpenVinoEngine,
    branches_of,
    converted_path,
    has_bf16,
)
from backend.engines.tensorflow import EXACT
from backend.models.classifier import Classifier
from backend.models.quality import sharpness
from backend.settings import load_settings
from backend.training.calibrate import FALSE_FAKE
from backend.training.data.index import Sample, load

MOST_LOST = 0.002  # AUC that a precision may lose and still be offered
EXAMPLES = 300  # faces that NNCF calibrates on
BATCH = 32


@dataclass(frozen=True, slots=True)
class Row:
    """One precision.

    Attributes:
        precision: "f32", "bf16" or "int8".
        auc: split -> AUC on all its faces.
        lost: split -> AUC less than in f32.
        moved: 99th percentile of the change of a score, in calibrated logits.
        false: share of all real faces that would be called Fake.
        cpu: milliseconds of processor time a face, median of the batches of 32.
        ratio: `cpu` over that of f32, taken in turn with it.
        passes: whether it may be used: as accurate as f32 on every split, no more of the real faces
            called Fake than `FALSE_FAKE`, and faster.
    """

    precision: str
    auc: dict[str, float]
    lost: dict[str, float]
    moved: float
    false: float
    cpu: float
    ratio: float
    passes: bool


def quantise(weights: Weights, cache: Path, into: Path, faces: np.ndarray) -> None:
    """Write the converted network of `cache` to the folder `into` in int8, under the same names.

    Args:
        faces: uint8 (N, S, S, 3), to calibrate on.
    """
    # NNCF reports each use to Google Analytics unless that package is missing.
    sys.modules["openvino_telemetry"] = None
    import nncf
    import openvino as ov
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, OverflowFix

    nncf.set_log_level(logging.ERROR)
    pixels = [face[None].astype(np.float32) * weights.scale + weights.offset for face in faces]
    for path in branches_of(converted_path(weights, cache)):
        small = nncf.quantize(
            ov.Core().read_model(path),
            nncf.Dataset(pixels),
            preset=nncf.QuantizationPreset.MIXED,  # swish is not symmetric
            # Seven bits for the weights: sums of eight overflow where the processor has no VNNI.
            advanced_parameters=AdvancedQuantizationParameters(overflow_fix=OverflowFix.ENABLE),
            subset_size=len(pixels),
        )
        made = converted_path(weights, into) / path.name
        made.parent.mkdir(exist_ok=True)
        ov.save_model(small, made, compress_to_fp16=False)


def measure(
    engines: dict[str, Engine],
    crops: np.ndarray,
    samples: Sequence[Sample],
    read: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> list[Row]:
    """Judge all faces with every engine, batch by batch in turn; the first is the reference.

    Args:
        crops: uint8 (N, S, S, 3), one look at each of the samples.
        read: outputs (N, K) of all samples to calibrated logits (N,) and whether each face would
            be called Fake, bool (N,).
    """
    outputs: dict[str, list[np.ndarray]] = {name: [] for name in engines}
    costs: dict[str, list[float]] = {name: [] for name in engines}
    for start in range(0, len(crops), BATCH):
        batch = crops[start : start + BATCH]
        for name, engine in engines.items():
            began = time.process_time()
            outputs[name].append(engine.infer(batch)[0].reshape(len(batch), -1))
            costs[name].append(1000 * (time.process_time() - began) / len(batch))
        print(f"\rjudging {start + len(batch)}/{len(crops)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    fake = np.array([sample.fake for sample in samples])
    split = np.array([sample.split for sample in samples])
    first = next(iter(engines))
    scores, called = {}, {}
    for name, parts in outputs.items():
        scores[name], called[name] = read(np.concatenate(parts))
    aucs = {
        name: {
            part: float(roc_auc_score(fake[split == part], score[split == part]))
            for part in sorted(set(split))
        }
        for name, score in scores.items()
    }
    rows = []
    for name, score in scores.items():
        lost = {part: aucs[first][part] - auc for part, auc in aucs[name].items()}
        ratio = float(np.median(costs[name]) / np.median(costs[first]))
        moved = float(np.percentile(np.abs(score - scores[first]), 99))
        false = float(called[name][~fake].mean())
        good = max(lost.values()) <= MOST_LOST and false <= FALSE_FAKE and ratio < 1
        cpu = float(np.median(costs[name]))
        rows.append(Row(name, aucs[name], lost, moved, false, cpu, ratio, name == first or good))
    return rows


def table(rows: list[Row], model: str, processor: str) -> str:
    """The page in Markdown."""
    parts = list(rows[0].auc)
    lines = [
        "<!-- What each precision of OpenVINO costs. -->",
        "# Precisions of the classifier",
        "",
        f"Printed by `python -m backend.training.measure.engines DATA` with `{model}`, one look at",
        f"each face of `val` and `dev`, on: {processor}. Costs are processor time, not time by the",
        f"clock. In bf16 the first {EXACT} convolutions are computed in float32 all the same;",
        f"int8 is made by NNCF, calibrated on {EXAMPLES} faces of `val`. A precision passes",
        f"when it is faster, loses at most {MOST_LOST} AUC on either and calls at most",
        f"{FALSE_FAKE:.0%} of the real faces Fake. Serving offers f32, and bf16 where it passed;",
        "int8 is measured to know whether that should change.",
        "",
        "| precision | " + " | ".join(f"AUC {part}, lost" for part in parts)
        + " | 99 % of scores move less than | real faces called Fake | ms a face | of f32 "
        "| passes |",
        "|---" * (len(parts) + 6) + "|",
    ]  # fmt: skip
    for r in rows:
        cells = [f"{r.auc[part]:.4f}, {r.lost[part]:+.4f}" for part in parts]
        lines.append(
            f"| {r.precision} | {' | '.join(cells)} | {r.moved:.2f} | {r.false:.2%} "
            f"| {r.cpu:.1f} | {r.ratio:.2f} | {'yes' if r.passes else 'no'} |"
        )
    if not has_bf16():
        lines += ["", "This processor has no bf16, so bf16 was not measured and is not offered."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the page, write it beside the JSON of `--out`; `--offer` puts it into effect."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds faces/")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="holds the found faces")
    parser.add_argument("--out", type=Path, default=Path("docs/measurements/engines.json"))
    parser.add_argument(
        "--offer", action="store_true", help="name the precisions offered in the model's JSON"
    )
    args = parser.parse_args()
    settings = load_settings()
    classifier = Classifier(settings.model, settings.cache, "openvino")  # converts it if need be
    facts = classifier.facts
    samples = load(args.data, args.runs / "cache", ("val", "dev")).samples
    crops = np.stack([classifier.crop(sample.image(), sample.box) for sample in samples])
    weights = Weights(settings.model, facts.sha256, facts.scale, facts.offset, ("f32", "bf16"))
    engines: dict[str, Engine] = {"f32": OpenVinoEngine(weights, settings.cache)}
    if has_bf16():
        engines["bf16"] = OpenVinoEngine(weights, settings.cache, "bf16")
    with tempfile.TemporaryDirectory() as folder:
        own = np.flatnonzero([sample.split == "val" for sample in samples])
        chosen = np.random.default_rng(0).permutation(own)[:EXAMPLES]
        quantise(weights, settings.cache, Path(folder), crops[chosen])
        engines["int8"] = OpenVinoEngine(weights, Path(folder))

        sharp = np.array([sharpness(crop) for crop in crops])
        video = np.array([sample.kind == "video" for sample in samples])

        def read(outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            outputs = outputs if facts.heads else outputs[:, -1:]
            scores, called = np.empty(len(video)), np.empty(len(video), bool)
            for kind, own in (("image", ~video), ("video", video)):
                known = classifier.of(kind).calibration
                raw = known.joined(outputs[own], sharp[own])
                scores[own] = known.calibrated(raw)
                called[own] = known.probabilities(raw) >= known.threshold_fake
            return scores, called

        rows = measure(engines, crops, samples, read)
    page = table(rows, facts.name, _processor())
    args.out.parent.mkdir(parents=True, exist_ok=True)
    content = {"model": facts.model_dump(), "rows": [asdict(row) for row in rows]}
    args.out.write_text(json.dumps(content, indent=1) + "\n")
    args.out.with_suffix(".md").write_text(page)
    print(page)
    if args.offer:
        path = settings.model.with_suffix(".json")
        offered = [r.precision for r in rows if r.passes and r.precision != "int8"]
        described = json.loads(path.read_text()) | {"precisions": offered}
        path.write_text(json.dumps(described, indent=2) + "\n")


def _processor() -> str:
    import openvino as ov

    core = ov.Core()
    able = ", ".join(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
    return f"{core.get_property('CPU', 'FULL_DEVICE_NAME').strip()} ({able})"


if __name__ == "__main__":
    sys.exit(answered(main))
