"""Judges faces with all members of a model, read as is right for the kind of file."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from backend.engines import Precision
from backend.models.calibration import Reading, Thresholds, probabilities
from backend.models.crops import Box, crop_square, turned_back
from backend.models.members import Kind, WindowNetwork
from backend.models.model_config import ModelConfig, facts_of, own_logits
from backend.models.model_file import read_config
from backend.models.registry import open_scorer
from backend.models.scorer import FaceScorer, Scorer, TrackScorer, by_head
from backend.models.track_members import TrackMembers
from backend.records.observations import HeatMap
from backend.records.results import ModelCard, Profile
from backend.records.votes import Voter

# Share of the network's view that a face must fill in px of its own. It could use all of it, but
# most of the stills that weights and thresholds rest on show faces of no more px than this.
ENOUGH = 0.85


@dataclass(frozen=True, slots=True)
class FaceCut:
    """What the members need of a picture to judge one face.

    Attributes:
        crop: uint8 RGB, shape (S, S, 3): the face as the first face network sees it, which quality
            is measured on.
        parts: member -> what its scorer cut.
    """

    crop: np.ndarray
    parts: dict[str, np.ndarray]


class Scores(NamedTuple):
    """What is said of N faces.

    Attributes:
        logits: float64, shape (N,), calibrated, positive for manipulated.
        votes: member -> its own calibrated logits, float64, shape (N,).
        seconds: member -> wall time of its pass.
        maps: float32, shape (N, h, w): by how many logits each of h x w equal cells of the crop is
            above what real faces show; None where no face network that counts has a map.
        features: what members look at that judge tracks, see `backend.models.scorer.Judged`; None
            where none is asked. Their votes are 0, undecided, until `TrackMembers.judge`.
    """

    logits: np.ndarray
    votes: dict[str, np.ndarray]
    seconds: dict[str, float]
    maps: np.ndarray | None
    features: np.ndarray | None


class Classifier:
    """The members of a model that are asked, and one reading of them. Safe to share by threads.

    Args:
        model: the weights, Keras HDF5, with their JSON beside them.
        cache: folder for the converted networks.
        engine: one of `backend.engines.registry.NAMES`.
        profile: which thresholds hold.
        ensemble: which members, see `backend.models.model_file.ModelFile.choose`.

    Attributes:
        config: the members, and how they are read.
        profile: which thresholds hold.
        folder: that the files of the members are relative to.
        reading: of the members together, of this kind of file.
        tracks: the members that judge tracks of this kind of file.

    Raises:
        SetupError: the model is missing, does not match its JSON, does not load, or takes other
            pictures; no such members can be chosen.
    """

    def __init__(
        self,
        model: Path,
        cache: Path,
        engine: str = "auto",
        profile: Profile = "balanced",
        ensemble: str = "default",
    ):
        self.config: ModelConfig = read_config(model, ensemble)
        self.profile: Profile = profile
        self.folder = model.parent
        self._scorers: dict[str, Scorer | TrackScorer] = {
            member.name: open_scorer(member, model.parent, cache, engine)
            for member in (*self.config.members, *self.config.guests)
        }
        self._face = next(s for s in self._scorers.values() if isinstance(s, FaceScorer))
        self._read_as("video")
        # What every file may need is compiled now; the rest when a picture first wants it.
        for scorer in self._looking.values():
            size = scorer.member.input_size
            scorer.engine.infer(np.zeros((1, size, size, 3), np.uint8))
        self._read_as("image")

    def of(self, kind: Kind) -> Classifier:
        """The same networks, read as is right for another kind of file."""
        other = copy.copy(self)
        other._read_as(kind)
        return other

    def of_file(self, kind: str, width: int, height: int) -> Classifier:
        """The same networks, read as is right for a file.

        Args:
            kind: "image" or "video".
            width, height: px of its pictures at their finest.
        """
        if kind == "video":
            return self.of("video")
        return self.of("image" if min(width, height) >= self.window else "small_image")

    def _read_as(self, kind: Kind) -> None:
        self._kind: Kind = kind
        self.reading: Reading = self.config.readings.of(kind)
        self._asked = {m.name: self._scorers[m.name] for m in self.config.asked(kind)}
        tracking = {n: each for n, each in self._asked.items() if isinstance(each, TrackScorer)}
        self.tracks = TrackMembers(tracking, kind)
        self._looking: dict[str, Scorer] = {
            name: scorer for name, scorer in self._asked.items() if name not in tracking
        }

    @property
    def engine(self) -> str:
        """Name of the engine in use, e.g. "openvino"."""
        return self._face.engine.name

    @property
    def precision(self) -> Precision:
        """What the face network's engine computes in, e.g. "f32"."""
        return self._face.engine.precision

    @property
    def large(self) -> float:
        """px of a face from which on a larger picture of it would hardly show the network more."""
        return ENOUGH * self._face.member.input_size / (1 + self._face.member.margin)

    @property
    def window(self) -> int:
        """px, shorter side of the smallest picture whose own pixels are looked at; 0 of all."""
        members = [scorer.member for scorer in self._scorers.values()]
        return max((m.input_size for m in members if isinstance(m, WindowNetwork)), default=0)

    @property
    def reach(self) -> int:
        """px around the middle of a face within which lies all that members see beside its crop."""
        windows = (s.member for s in self._asked.values() if isinstance(s.member, WindowNetwork))
        return max((round(m.input_size / min(m.reductions)) for m in windows), default=0)

    @property
    def needs_finest(self) -> bool:
        """Whether faces must be cut from pictures at their full size."""
        return any(isinstance(s.member, WindowNetwork) for s in self._asked.values())

    @property
    def card(self) -> ModelCard:
        """What an answer says of the model."""
        return self._card(self.config.name, self.config.sha256, self.reading)

    @property
    def voters(self) -> tuple[Voter, ...]:
        """The members that are asked, each as if it judged alone."""
        weights = self.reading.counted
        total = sum(weights.values())
        return tuple(
            Voter(
                self._card(name, scorer.member.sha256, scorer.member.reading(self._kind)),
                weights.get(name, 0.0) / total,
            )
            for name, scorer in self._asked.items()
        )

    def _card(self, name: str, sha256: str, reading: Reading) -> ModelCard:
        known: Thresholds = getattr(reading.thresholds, self.profile)
        return ModelCard(name, sha256, known.real, known.fake, self.profile, reading.odds)

    @property
    def facts(self) -> dict:
        """All that the answers rest on, ready for JSON: see `ModelConfig.facts`."""
        return {**self.config.facts, "profile": self.profile}

    @property
    def facts_of_members(self) -> dict[str, dict]:
        """Hex digest -> the same of each member that is there by itself, also those not asked."""
        known = (*self.config.members, *self.config.guests, *self.config.idle)
        return {each.sha256: {**facts_of(each), "profile": self.profile} for each in known}

    def cut(self, image: np.ndarray, box: Box, roll: float = 0.0) -> FaceCut:
        """Cut out what the members that count need of a picture; see `Scorer.cut`."""
        face = self._face
        parts = {face.member.name: face.cut(image, box, roll)}
        for name, scorer in self._looking.items():
            if scorer is not face:
                parts[name] = scorer.cut(image, box, roll)
        return FaceCut(face.crop(parts[face.member.name]), parts)

    def judge(self, cuts: Sequence[FaceCut], views: int | None = None) -> Scores:
        """Judge faces, and say where each looks manipulated.

        Args:
            cuts: of `cut`, by a classifier of the same reading.
            views: of each face; None for as many as each member says.

        Raises:
            ValueError: the cuts are not those of this kind of file.
        """
        votes = self.tracks.undecided(len(cuts))
        seconds, above, features = {}, None, None
        for name, scorer in self._looking.items():
            if any(name not in cut.parts for cut in cuts):
                raise ValueError(f"Expected cuts with a part for the member '{name}'.")
            began = time.perf_counter()
            found = scorer.judge([cut.parts[name] for cut in cuts], views)
            seconds[name] = time.perf_counter() - began
            heads = by_head(scorer.member, found.logits)
            votes[name] = own_logits(scorer.member, self._kind, heads)
            if scorer is self._face:
                above = None if found.maps is None else self._above(found.maps)
                features = found.features if self.tracks else None
        return Scores(self.reading.logits(votes), votes, seconds, above, features)

    def together(self, votes: Mapping[str, float]) -> tuple[float, float]:
        """The logit and the probability of a face by all members.

        Args:
            votes: member -> its calibrated logit.
        """
        logit = self.reading.logits({name: np.array([own]) for name, own in votes.items()})
        return float(logit[0]), float(self.probabilities(logit)[0])

    def _above(self, maps: np.ndarray) -> np.ndarray:
        """(N, h, w) from the maps of the face network, see `Scores`."""
        member = self._face.member
        if member.mask_floor is not None:
            return maps[..., 0] - np.float32(member.mask_floor)
        own = member.reading(self._kind)
        weighed = maps @ np.array([own.weights.get(h, 0.0) for h in member.heads], np.float32)
        return weighed + np.float32(own.bias)

    def logits(self, cuts: Sequence[FaceCut], views: int | None = None) -> np.ndarray:
        """The calibrated logits of `judge`."""
        return self.judge(cuts, views).logits

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """See `backend.models.calibration.probabilities`."""
        return probabilities(logits)

    def heat(self, box: Box, located: np.ndarray, roll: float = 0.0) -> HeatMap:
        """Place a face's map from `judge`, float32 (h, w), on the picture it was cut from.

        Args:
            box, roll: as for `cut`.
            located: the map.
        """
        return HeatMap(crop_square(box, self._face.member.margin), turned_back(located, roll))
