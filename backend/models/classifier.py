"""Judges faces with all members of a model, read as is right for the kind of file."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from backend.engines import Precision
from backend.models.calibration import Reading, Thresholds, probabilities
from backend.models.crops import Box, crop_square, turned_back
from backend.models.model_config import Kind, ModelConfig, WindowNetwork, read_config
from backend.models.registry import open_scorer
from backend.models.scorer import FaceScorer, Scorer
from backend.records.observations import HeatMap
from backend.records.results import ModelCard, Profile

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
        maps: float32, shape (N, h, w): by how many logits each of h x w equal cells of the crop is
            above what real faces show; None where no face network that counts has a map.
    """

    logits: np.ndarray
    maps: np.ndarray | None


class Classifier:
    """The members of a model, and one reading of them. Safe to share between threads.

    Args:
        model: the weights, Keras HDF5, with their JSON beside them.
        cache: folder for the converted networks.
        engine: one of `backend.engines.registry.NAMES`.
        profile: which thresholds hold.

    Raises:
        SetupError: the model is missing, does not match its JSON, does not load, or takes other
            pictures.
    """

    def __init__(
        self, model: Path, cache: Path, engine: str = "auto", profile: Profile = "balanced"
    ):
        self.config: ModelConfig = read_config(model)
        self.profile: Profile = profile
        self._scorers: dict[str, Scorer] = {
            member.name: open_scorer(member, model.parent, cache, engine)
            for member in self.config.members
        }
        self._face = next(s for s in self._scorers.values() if isinstance(s, FaceScorer))
        self._read_as("video")
        # What every file may need is compiled now; the rest when a picture first wants it.
        for scorer in self._counting.values():
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
        self.reading: Reading = self.config.readings.of(kind)
        self._counting = {
            name: scorer for name, scorer in self._scorers.items() if self.reading.of_member(name)
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
        sides = (m.input_size for m in self.config.members if isinstance(m, WindowNetwork))
        return max(sides, default=0)

    @property
    def reach(self) -> int:
        """px around the middle of a face within which lies all that members see beside its crop."""
        windows = (s.member for s in self._counting.values() if isinstance(s.member, WindowNetwork))
        return max((round(m.input_size / min(m.reductions)) for m in windows), default=0)

    @property
    def needs_finest(self) -> bool:
        """Whether faces must be cut from pictures at their full size."""
        return any(isinstance(s.member, WindowNetwork) for s in self._counting.values())

    @property
    def card(self) -> ModelCard:
        """What an answer says of the model."""
        known: Thresholds = getattr(self.reading.thresholds, self.profile)
        return ModelCard(
            self.config.name,
            self.config.sha256,
            known.real,
            known.fake,
            self.profile,
            self.reading.odds,
        )

    @property
    def facts(self) -> dict:
        """All that the answers rest on, ready for JSON: see `ModelConfig.facts`."""
        return {**self.config.facts, "profile": self.profile}

    def cut(self, image: np.ndarray, box: Box, roll: float = 0.0) -> FaceCut:
        """Cut out what the members that count need of a picture; see `Scorer.cut`."""
        face = self._face
        parts = {face.member.name: face.cut(image, box, roll)}
        for name, scorer in self._counting.items():
            if scorer is not face:
                parts[name] = scorer.cut(image, box, roll)
        return FaceCut(face.crop(parts[face.member.name]), parts)

    def heads(self, cuts: Sequence[FaceCut], views: int | None = None) -> dict[str, np.ndarray]:
        """The raw logits of the members that count: "member.head" -> float32, shape (N,)."""
        return self._judge(cuts, views)[0]

    def judge(self, cuts: Sequence[FaceCut], views: int | None = None) -> Scores:
        """Judge faces, and say where each looks manipulated.

        Args:
            cuts: of `cut`, by a classifier of the same reading.
            views: of each face; None for as many as each member says.

        Raises:
            ValueError: the cuts are not those of this kind of file.
        """
        heads, maps = self._judge(cuts, views)
        return Scores(self.reading.logits(heads), maps)

    def _judge(
        self, cuts: Sequence[FaceCut], views: int | None
    ) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
        heads, above = {}, None
        for name, scorer in self._counting.items():
            if any(name not in cut.parts for cut in cuts):
                raise ValueError(f"Expected cuts with a part for the member '{name}'.")
            logits, maps = scorer.judge([cut.parts[name] for cut in cuts], views)
            heads |= {f"{name}.{h}": logits[:, n] for n, h in enumerate(scorer.member.heads)}
            if scorer is self._face and maps is not None:
                above = self._above(maps)
        return heads, above

    def _above(self, maps: np.ndarray) -> np.ndarray:
        """(N, h, w) from the maps of the face network, see `Scores`."""
        member = self._face.member
        if member.mask_floor is not None:
            return maps[..., 0] - np.float32(member.mask_floor)
        weights = self.reading.of_member(member.name)
        weighed = maps @ np.array([weights.get(head, 0.0) for head in member.heads], np.float32)
        return weighed + np.float32(self.reading.bias)

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
