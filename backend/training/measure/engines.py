"""What each precision of each network costs and loses, on held-out faces of a data folder.

Measured on this machine and its processor: bf16 only where the processor has it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_auc_score

from backend.engines.openvino import has_bf16
from backend.engines.tensorflow import EXACT
from backend.models.members import Network, TrackNetwork
from backend.models.model_config import own_logits
from backend.models.model_file import read_model
from backend.models.registry import open_scorer
from backend.models.scorer import Scorer
from backend.settings import Settings
from backend.training.data.face_cache import CutFace, FaceCache
from backend.training.data.pools import spread
from backend.training.evaluate.heads import cut_of, head_logits

ENGINES = {"f32": "openvino", "bf16": "openvino-bf16"}
SPLITS = ("val", "dev-a")
MOST_LOST = 0.002  # AUC that a precision may lose and still be offered
MOST = 400  # faces of each label, kind of file and split
BATCH, REPEATS = 32, 9

HEAD = """<!-- What each precision of each network costs and loses. -->
# Precisions of the networks

Printed by `python -m backend measure engines DATA` with `{model}` on: {processor}. The areas under
the curve are of what each network says by itself. Costs are processor time of one view of a
face, not time by the clock, taken in turn. In bf16 the first {exact} convolutions are computed in
float32 all the same. A precision passes when it is faster and loses at most {most} AUC on each set.
Serving offers f32, and bf16 where it passed.

"""


@dataclass(frozen=True, slots=True)
class Row:
    """One precision of one network.

    Attributes:
        network: the member's name.
        precision: "f32" or "bf16".
        auc: set -> area under the curve.
        lost: set -> how much less than in f32.
        moved: 99th percentile of the change of a calibrated logit; None where no face could be
            judged, as the two below.
        cost: milliseconds of processor time a face, in batches of `BATCH`.
        ratio: `cost` over that of f32.
        passes: whether it may be used.
    """

    network: str
    precision: str
    auc: dict[str, float]
    lost: dict[str, float]
    moved: float | None
    cost: float | None
    ratio: float | None
    passes: bool


def measure(settings: Settings, faces: FaceCache, offer: bool = False) -> str:
    """The page in Markdown.

    Args:
        settings: with the model.
        faces: of all splits.
        offer: write the precisions that passed into the model's JSON.
    """
    found = read_model(settings.model)
    drawn = [
        face
        for split in SPLITS
        for kind in ("image", "video")
        for fake in (False, True)
        for face in spread(
            (f for f in faces.of(split) if (f.row.kind, f.row.fake) == (kind, fake)), MOST
        )
    ]
    rows = []
    for member in found.members:
        if isinstance(member, TrackNetwork):  # too small to gain anything by another
            continue
        precisions = [name for name in ENGINES if name == "f32" or has_bf16()]
        able = member.model_copy(update={"precisions": tuple(precisions)})
        scorers = {
            name: open_scorer(able, settings.model.parent, settings.cache, ENGINES[name])
            for name in precisions
        }
        seen = [face for face in drawn if member.reading(face.row.kind)]
        rows += compare(member, scorers, seen)
    if offer:
        path = settings.model.with_suffix(".json")
        described = json.loads(path.read_text())  # as it stands there: without the pairs
        for member in described["members"]:
            own = [row for row in rows if row.network == member["name"]]
            member["precisions"] = [row.precision for row in own if row.passes] or ["f32"]
        path.write_text(json.dumps(described, indent=2) + "\n")
    return _page(rows, found.name)


def compare(
    member: Network,
    scorers: dict[str, Scorer],
    faces: Sequence[CutFace],
) -> list[Row]:
    """Judge all faces in every precision; the first is the reference.

    Args:
        member: the network.
        scorers: precision -> the network in it.
        faces: to judge, of the kinds of files that it can.
    """
    kind = np.array([face.row.kind for face in faces])
    split = np.array([face.row.split for face in faces])
    fake = np.array([face.row.fake for face in faces])
    kinds = [each for each in ("image", "video") if (kind == each).any()]
    scores = {}
    for precision, scorer in scorers.items():
        logits = head_logits({member.name: scorer}, faces).heads
        scores[precision] = np.full(len(faces), np.nan)
        for each in kinds:
            own = kind == each
            scores[precision][own] = own_logits(member, each, logits)[own]
    reference = next(iter(scorers))
    known = ~np.isnan(scores[reference])
    sets = {
        f"{each}, {part}": own
        for part in SPLITS
        for each in kinds
        for own in [known & (kind == each) & (split == part)]
        if len(set(fake[own])) == 2
    }
    aucs = {
        name: {part: float(roc_auc_score(fake[own], score[own])) for part, own in sets.items()}
        for name, score in scores.items()
    }
    costs = _costs(scorers, faces)
    rows = []
    for name, score in scores.items():
        lost = {part: aucs[reference][part] - auc for part, auc in aucs[name].items()}
        change = np.abs(score - scores[reference])[known]
        moved = float(np.percentile(change, 99)) if known.any() else None
        ratio = costs[name] / costs[reference] if costs else None
        good = bool(lost and costs) and max(lost.values()) <= MOST_LOST and ratio < 1
        passes = name == reference or good
        cost = costs.get(name)
        rows.append(Row(member.name, name, aucs[name], lost, moved, cost, ratio, passes))
    return rows


def _costs(scorers: dict[str, Scorer], faces: Sequence[CutFace]) -> dict[str, float]:
    """Precision -> ms of processor time a face, the median of passes taken in turn.

    Nothing where no face fits the network.
    """
    first = next(iter(scorers.values()))
    cuts = [cut for face in faces if (cut := cut_of(first, face)) is not None][:BATCH]
    if not cuts:
        return {}
    spent: dict[str, list[float]] = {name: [] for name in scorers}
    for _ in range(REPEATS):
        for name, scorer in scorers.items():
            began = time.process_time()
            scorer.judge(cuts, 1)
            spent[name].append(1000 * (time.process_time() - began) / len(cuts))
    return {name: float(np.median(each)) for name, each in spent.items()}


def _page(rows: Sequence[Row], model: str) -> str:
    sets = list(dict.fromkeys(name for row in rows for name in row.auc))
    lines = [
        HEAD.format(model=model, processor=_processor(), exact=EXACT, most=MOST_LOST)
        + f"| network | precision | {''.join(f'AUC {name}, lost | ' for name in sets)}"
        "99 % of scores move less than | ms a face | of f32 | passes |",
        "|---" * (len(sets) + 6) + "|",
    ]
    for row in rows:
        cells = [
            f"{row.auc[name]:.4f}, {row.lost[name]:+.4f}" if name in row.auc else "–"
            for name in sets
        ]
        measured = ((row.moved, 2), (row.cost, 1), (row.ratio, 2))
        numbers = ["–" if value is None else f"{value:.{digits}f}" for value, digits in measured]
        lines.append(
            f"| {row.network} | {row.precision} | {' | '.join([*cells, *numbers])} "
            f"| {'yes' if row.passes else 'no'} |"
        )
    if not has_bf16():
        lines += ["", "This processor has no bf16, so bf16 was not measured and is not offered."]
    return "\n".join(lines) + "\n"


def _processor() -> str:
    import openvino as ov

    core = ov.Core()
    able = ", ".join(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
    return f"{core.get_property('CPU', 'FULL_DEVICE_NAME').strip()} ({able})"
