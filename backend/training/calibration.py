"""Fits how the members of a model are read, each by itself and together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from backend.evidence.verdict import pool
from backend.models.calibration import Reading
from backend.models.members import Kind, Member, Readings, TrackNetwork, WindowNetwork
from backend.models.model_config import alone, own_logits
from backend.models.model_file import Ensemble
from backend.models.registry import open_scorer
from backend.settings import Settings
from backend.training.assemble import model_of, to_json
from backend.training.data.face_cache import FaceCache
from backend.training.data.index import Row
from backend.training.evaluate.files import Answer, judge_files
from backend.training.evaluate.heads import HeadLogits, head_logits
from backend.training.readings import finish, fit_together, fit_weights, unread

ENGINE = "openvino"  # in float32, so that what is measured is the same on every machine
QUIET = 0.1  # share of the real faces whose heat map may show anything at all


class Calibration:
    """Fits how members are read, each by itself and together.

    Clips are judged as the product judges them, once, with all members asked; pictures by their
    faces, which were cut out before.

    Args:
        members: of the model; the readings that they have are passed over.
        faces: of all splits.
        data: folder that the rows' files are relative to.
        rows: of the index.
        model: the weights of the first member; the JSON beside it is written on the way, for the
            pipeline to read.
    """

    def __init__(
        self,
        members: Sequence[Member],
        faces: FaceCache,
        data: Path,
        rows: Sequence[Row],
        model: Path,
    ):
        held_out = [face for face in faces.faces if face.row.split in ("val", "dev-a")]
        scorers = {
            member.name: open_scorer(member, model.parent, model.parent, ENGINE)
            for member in members
            if not isinstance(member, TrackNetwork)
        }
        self._heads: dict[Kind, HeadLogits] = {
            kind: head_logits(scorers, [face for face in held_out if face.row.kind == kind])
            for kind in ("video", "image")
        }
        self.members = [self._before_files(member) for member in members]
        moments = Counter(face.row.key for face in held_out)
        clips = [row for row in rows if row.kind == "video" and moments[row.key] > 1]
        self._clips: list[Answer] = []
        if clips:
            equal = [_equal(self.members)] if len(self.members) > 1 else []
            model.with_suffix(".json").write_bytes(to_json(model_of(self.members, equal)))
            settings = Settings(model=model, engine=ENGINE, ensemble="all")
            self._clips = judge_files(settings, data, clips, observed=True)
        self.members = [self._by_itself(member) for member in self.members]

    def _before_files(self, member: Member) -> Member:
        """The member with what its heads weigh; its thresholds are not known."""
        if isinstance(member, TrackNetwork):
            return member
        kinds = ("image",) if isinstance(member, WindowNetwork) else ("video", "image")
        readings = {kind: unread(*fit_weights(*self._seen(member, kind))) for kind in kinds}
        changes = {"readings": Readings(**readings)}
        if getattr(member, "mask_floor", None) is not None:
            changes["mask_floor"] = self._quiet_floor(member)
        return member.model_copy(update=changes)

    def _seen(self, member: Member, kind: Kind) -> tuple[dict[str, np.ndarray], list[Row]]:
        """The logits of its heads, and the rows of the faces that it could look at."""
        found = self._heads[kind]
        logits = {head: found.heads[f"{member.name}.{head}"] for head in member.heads}
        seen = ~np.isnan(np.stack(list(logits.values()))).any(axis=0)
        rows = [row for row, each in zip(found.rows, seen, strict=True) if each]
        return {head: each[seen] for head, each in logits.items()}, rows

    def _by_itself(self, member: Member) -> Member:
        """The member with readings that answers can rest on; its votes are brought to them."""
        known = {}
        for kind, reading in member.readings:
            if reading is None:
                continue
            once, found, rows = unread({member.name: 1.0}), {}, []
            if not isinstance(member, TrackNetwork):
                heads, rows = self._seen(member, kind)
                found = {member.name: reading.logits(heads)}
            logits, rows = self._files(once, kind, found, rows)
            scaled = finish(once, logits, rows)
            slope = scaled.weights[member.name]
            weights = {head: weight * slope for head, weight in reading.weights.items()}
            bias = reading.bias * slope + scaled.bias
            known[kind] = scaled.model_copy(update={"weights": weights, "bias": bias})
            if kind == "video":
                self._clips = [_rescaled(each, member.name, scaled) for each in self._clips]
        return member.model_copy(update={"readings": Readings(**known)})

    def together(self, names: Iterable[str]) -> Ensemble:
        """Calibrate members as a whole.

        Raises:
            SetupError: together they do not tell real from fake.
        """
        own = [member for member in self.members if member.name in set(names)]
        windows = any(isinstance(member, WindowNetwork) for member in own)
        kinds: tuple[Kind, ...] = ("video", "image", "small_image")[: 3 if windows else 2]
        readings = {kind: self._reading(own, kind) for kind in kinds}
        return Ensemble(members=[m.name for m in own], readings=Readings(**readings))

    def _reading(self, members: Sequence[Member], kind: Kind) -> Reading:
        able = [member for member in members if member.reading(kind)]
        if len(able) == 1:
            return alone(able[0]).of(kind)
        if kind == "video" and self._clips:
            rows = [clip.row for clip in self._clips]
            votes = {
                member.name: np.array([_vote(clip, member.name) for clip in self._clips])
                for member in able
            }
        else:
            found = self._heads["video" if kind == "video" else "image"]
            votes = {member.name: own_logits(member, kind, found.heads) for member in able}
            rows = found.rows
        seen = ~np.isnan(np.stack(list(votes.values()))).any(axis=0)
        rows = [row for row, each in zip(rows, seen, strict=True) if each]
        votes = {name: logits[seen] for name, logits in votes.items()}
        reading = fit_together(votes, rows)
        return finish(reading, *self._files(reading, kind, votes, rows))

    def _files(
        self, reading: Reading, kind: Kind, votes: dict[str, np.ndarray], rows: Sequence[Row]
    ) -> tuple[np.ndarray, list[Row]]:
        """The logits of whole files, and what these are.

        Args:
            votes: member -> its calibrated logits of faces that were cut out, shape (N,).
            rows: what these N faces are.
        """
        if kind == "video" and self._clips:
            logits = [clip.scored_by(lambda s: reading.logits(s.votes)) for clip in self._clips]
            return np.array(logits), [clip.row for clip in self._clips]
        files: dict[str, tuple[Row, list[float]]] = {}
        for row, logit in zip(rows, reading.logits(votes), strict=True):
            files.setdefault(row.key, (row, []))[1].append(float(logit))
        pooled = np.array([pool(scores)[0] for _, scores in files.values()])
        return pooled, [row for row, _ in files.values()]

    def _quiet_floor(self, member: Member) -> float:
        """Where its heat map may begin: on all but `QUIET` of the real faces nothing shows."""
        found = self._heads["image"]
        maps = found.maps[member.name][[not row.fake for row in found.rows]]
        return float(np.quantile(maps.max(axis=(1, 2, 3)), 1 - QUIET))


def _vote(clip: Answer, member: str) -> float:
    """What a member says of a whole clip by itself; NaN where nothing was judged."""
    return clip.scored_by(lambda seen: seen.votes[member])


def _rescaled(clip: Answer, member: str, scale: Reading) -> Answer:
    """The answer with the member's votes on another scale."""
    faces = tuple(
        replace(
            seen, votes={**seen.votes, member: float(scale.logits({member: seen.votes[member]}))}
        )
        if seen.votes
        else seen
        for seen in clip.faces
    )
    return replace(clip, faces=faces)


def _equal(members: Sequence[Member]) -> Ensemble:
    """Members that count the same, before anything is known of them together."""

    def equal(kind: Kind) -> Reading:
        return unread({member.name: 1.0 for member in members if member.reading(kind)})

    kinds: tuple[Kind, ...] = ("video", "image", "small_image")
    readings = Readings(**{kind: equal(kind) for kind in kinds})
    return Ensemble(members=[member.name for member in members], readings=readings)
