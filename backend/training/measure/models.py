"""How good each member of the model is by itself, and each set that was calibrated together."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from backend.models.members import Readings
from backend.models.model_config import alone, facts_of
from backend.models.model_file import ModelFile, read_model
from backend.records.observations import FaceObservation
from backend.records.votes import Vote
from backend.report.model_errors import ModelErrors
from backend.settings import Settings
from backend.training.data.face_cache import FaceCache
from backend.training.data.pools import spread
from backend.training.evaluate.files import Answer, judge_files
from backend.training.evaluate.metrics import Estimate, Scored, auc_drop, measure
from backend.training.measure.models_page import page

SPLITS = ("val", "dev-a", "dev-b")
KINDS = ("video", "image")


@dataclass(frozen=True, slots=True)
class SetRow:
    """What one set is worth on files of a kind of a split.

    Attributes:
        members: of the set.
        auc: area under the curve, of the files that every member could judge.
        gain: of the area, over that of the member that ranks the same files best by itself.
        best: that member.
    """

    members: tuple[str, ...]
    split: str
    kind: str
    auc: Estimate
    gain: Estimate
    best: str


def measure_models(settings: Settings, data: Path, faces: FaceCache, into: Path, most: int) -> str:
    """Judge whole files with all members asked.

    Args:
        settings: with the model and the profile.
        data: folder that the faces are of.
        faces: found before; files that gave none are passed over.
        into: JSON that serving reads, see `backend.report.model_errors`.
        most: files of each label of each kind of each split.

    Returns:
        The page in Markdown.
    """
    found = read_model(settings.model)
    everyone = settings.model_copy(update={"ensemble": "all"})
    answers = judge_files(everyone, data, _chosen(faces, most), observed=True)
    members = [
        {
            "facts": {**facts_of(member), "profile": settings.profile},
            "measured": [
                row._asdict()
                for split, kind, own in _parts(answers)
                if (row := _errors(own, member.name, split, kind))
            ],
        }
        for member in found.members
    ]
    sets = [row for split, kind, own in _parts(answers) for row in _sets(found, own, split, kind)]
    command = f"python -m backend measure models DATA --files {most}"
    into.write_text(json.dumps({"command": command, "models": members}, indent=1) + "\n")
    names = [(member.name, each) for member, each in zip(found.members, members, strict=True)]
    return page(command, settings.profile, names, sets)


def _chosen(faces: FaceCache, most: int) -> list:
    rows = []
    for split in SPLITS:
        for kind in KINDS:
            for fake in (False, True):
                own = (f for f in faces.of(split) if (f.row.kind, f.row.fake) == (kind, fake))
                rows += [face.row for face in spread(own, most)]
    return rows


def _parts(answers: Sequence[Answer]):
    """The judged answers of each split and kind of file that has both labels."""
    for split in SPLITS:
        for kind in KINDS:
            own = [
                a for a in answers if (a.row.split, a.row.kind, a.problem) == (split, kind, None)
            ]
            if len({answer.row.fake for answer in own}) == 2:
                yield split, kind, own


def _errors(answers: Sequence[Answer], name: str, split: str, kind: str) -> ModelErrors | None:
    """What a member does by itself; None where it judges no such files."""
    voted = [(a, vote) for a in answers if (vote := _vote(a, name)) is not None]
    if len({answer.row.fake for answer, _ in voted}) < 2:
        return None
    own = [answer for answer, _ in voted]
    fake = np.array([answer.row.fake for answer in own])
    said = np.array([vote.prediction for _, vote in voted])
    auc = measure(_scored(own, lambda seen: seen.votes[name]))["auc"]
    return ModelErrors(
        split=split,
        kind=kind,
        real=int((~fake).sum()),
        fake=int(fake.sum()),
        auc=round(auc.value, 4),
        auc_low=round(auc.low, 4),
        auc_high=round(auc.high, 4),
        real_called_fake=round(float((said[~fake] == "Fake").mean()), 4),
        fake_called_real=round(float((said[fake] == "Real").mean()), 4),
        answered=round(float((said != "Inconclusive").mean()), 4),
        milliseconds=round(float(np.median([vote.milliseconds for _, vote in voted])), 1),
    )


def _vote(answer: Answer, name: str) -> Vote | None:
    return next((vote for vote in answer.votes if vote.name == name), None)


def _sets(found: ModelFile, answers: Sequence[Answer], split: str, kind: str) -> list[SetRow]:
    rows = []
    for ensemble in found.complete:
        known = set(ensemble.readings.of(kind).counted)
        own = [answer for answer in answers if known <= {vote.name for vote in answer.votes}]
        if len(known) < 2 or len({answer.row.fake for answer in own}) < 2:
            continue
        single = {
            member.name: _scored(own, _read(alone(member), kind))
            for member in found.members
            if member.name in known
        }
        best = max(single, key=lambda name: measure(single[name], 10)["auc"].value)
        together = _scored(own, _read(ensemble.readings, kind))
        lost = auc_drop(single[best], together)
        gain = Estimate(0.0 - lost.value, 0.0 - lost.high, 0.0 - lost.low)
        rows.append(SetRow(ensemble.members, split, kind, measure(together)["auc"], gain, best))
    return rows


def _read(readings: Readings, kind: str) -> Callable[[FaceObservation], float]:
    return lambda seen: float(readings.of(kind).logits(seen.votes))


def _scored(answers: Sequence[Answer], logit: Callable[[FaceObservation], float]) -> Scored:
    logits = np.array([answer.scored_by(logit) for answer in answers])
    return Scored(
        np.array([answer.row.fake for answer in answers]),
        logits,
        1 / (1 + np.exp(-logits)),
        [answer.row.group for answer in answers],
    )
