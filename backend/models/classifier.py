"""Judges face crops: the weights, the facts beside them, and the engine that runs them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import NamedTuple

import numpy as np

from backend.engines import Engine, Precision, Weights
from backend.engines.registry import open_engine
from backend.errors import SetupError
from backend.models.calibration import Calibration, Kind
from backend.models.crops import Box, crop_face, crop_square, cut_side, looks_at, middle
from backend.models.model_config import read_facts
from backend.models.quality import brightened, brightness, sharpness
from backend.records.observations import HeatMap
from backend.records.results import ModelCard

# Share of the network's view that a face must fill in px of its own. It could use all of it, but
# most of the stills that weights and thresholds rest on show faces of no more px than this.
ENOUGH = 0.85


class Scores(NamedTuple):
    """What is said of N faces.

    Attributes:
        logits: float32, shape (N,), positive for manipulated, not calibrated yet.
        maps: float32, shape (N, h, w): raw logits of h x w equal cells of the view, of the first
            look alone, see `backend.engines.tensorflow.with_map`; None where the network has
            none.
        sharpness: float64, shape (N,), of the views, see `backend.models.quality.sharpness`.
    """

    logits: np.ndarray
    maps: np.ndarray | None
    sharpness: np.ndarray


class Classifier:
    """Turns face crops into logits and logits into calibrated probabilities.

    Safe to share between threads.

    Args:
        model: the weights, Keras HDF5, with their JSON beside them.
        cache: folder for the converted model.
        engine: one of `backend.engines.registry.NAMES`.

    Raises:
        SetupError: the model is missing, does not match its JSON, does not load, or takes other
            pictures.
    """

    def __init__(self, model: Path, cache: Path, engine: str = "auto"):
        self.facts = read_facts(model)
        facts = self.facts
        weights = Weights(
            model, facts.sha256, facts.scale, facts.offset, facts.precisions, facts.input_size
        )
        self._engine: Engine = open_engine(engine, weights, cache)
        size = facts.input_size
        probe, _ = self._engine.infer(np.zeros((1, size, size, 3), np.uint8), heads=1)
        columns = {"softmax": 2, "heads": len(facts.heads)}.get(facts.output, 1)
        found = probe.size + self._engine.branches - 1
        if found != columns:
            raise SetupError(
                f"The model's output does not fit its JSON. Expected {columns} value(s) a face "
                f"for '{self.facts.output}'. Received: {found}."
            )
        self.calibration: Calibration = facts
        self._of_clips = copy.copy(self)
        self._of_clips.calibration = facts.clips or facts

    def of(self, kind: Kind) -> Classifier:
        """The same network, read as is right for a "image" or for the frames of a "video"."""
        return self._of_clips if kind == "video" else self

    @property
    def engine(self) -> str:
        """Name of the engine in use, e.g. "openvino"."""
        return self._engine.name

    @property
    def precision(self) -> Precision:
        """What the engine computes in, e.g. "f32"."""
        return self._engine.precision

    @property
    def large(self) -> float:
        """px of a face from which on a larger picture of it would hardly show the network more."""
        return ENOUGH * self.facts.input_size / (1 + self.facts.crop_margin)

    @property
    def card(self) -> ModelCard:
        """What an answer says of the model."""
        known = self.calibration
        return ModelCard(
            self.facts.name, self.facts.sha256, known.threshold_real, known.threshold_fake
        )

    def crop(self, image: np.ndarray, box: Box) -> np.ndarray:
        """The network's view of a face: uint8 RGB, shape (input_size, input_size, 3)."""
        return crop_face(image, box, self.facts.crop_margin, self.facts.input_size)

    def cut(self, image: np.ndarray, box: Box, turns: int = 0) -> np.ndarray:
        """What all looks at a face need of a picture: uint8 RGB, shape (C, C, 3).

        Its middle, see `view`, is what `crop` gives.

        Args:
            image: uint8 RGB, shape (height, width, 3).
            box: of the face, px.
            turns: quarter turns clockwise that the face lies turned, which are undone.
        """
        side = self._cut_side
        longer = side / self.facts.input_size
        cut = crop_face(image, box, (1 + self.facts.crop_margin) * longer - 1, side)
        return np.ascontiguousarray(np.rot90(cut, turns))

    @property
    def _cut_side(self) -> int:
        return cut_side(self.facts.input_size, self.calibration.looks)

    def view(self, cut: np.ndarray) -> np.ndarray:
        """The middle of a cut: uint8 RGB, shape (input_size, input_size, 3)."""
        return middle(cut, self.facts.input_size)

    def judge(self, cuts: np.ndarray, looks: int | None = None) -> Scores:
        """Judge faces in one pass, and say where each looks manipulated.

        Args:
            cuts: uint8 RGB, shape (N, C, C, 3), from `cut`.
            looks: at each face; None for as many as the calibration says.

        Raises:
            ValueError: the cuts are not those of this kind of file.
        """
        outputs, located = self.outputs(cuts, looks)
        sharp = np.array([sharpness(self.view(cut)) for cut in cuts], np.float64)
        maps = None if located is None else self._one_map(located, sharp)
        return Scores(self.calibration.logits(outputs, sharp), maps, sharp)

    def outputs(
        self, cuts: np.ndarray, looks: int | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """All that the network says.

        Args:
            cuts, looks: as `judge` takes them.

        Returns:
            (float32, shape (N, L, K): raw logits of L looks, 0 for heads that were not asked as
            they do not count;
            float32, shape (N, h, w, M): maps of the first look, None where the network has none).

        Raises:
            ValueError: the cuts are not those of this kind of file.
        """
        count, size = looks or self.calibration.looks, self.facts.input_size
        if not len(cuts):
            return np.zeros((0, count, max(1, len(self.facts.heads))), np.float32), None
        side = self._cut_side
        if cuts.shape[1:] != (side, side, 3):
            raise ValueError(f"Expected cuts of {side} px. Received: shape {cuts.shape}.")
        if self.facts.dim:
            lit = [brightened(cut, brightness(self.view(cut)), self.facts.dim) for cut in cuts]
            cuts = np.stack(lit)
        views = np.concatenate(looks_at(cuts, size, count))
        score, located = self._engine.infer(views, self.calibration.needed)
        logits = self._to_logits(score.reshape(len(score), -1))
        located = None if located is None else located[: len(cuts)]
        return logits.reshape(count, len(cuts), -1).swapaxes(0, 1), located

    def _to_logits(self, score: np.ndarray) -> np.ndarray:
        if self.facts.output in ("logit", "heads"):
            missing = max(0, len(self.facts.heads) - score.shape[1])
            return np.pad(score, ((0, 0), (0, missing)))
        fake = np.clip(score[:, -1:].astype(np.float64), 1e-7, 1 - 1e-7)
        return np.log(fake / (1 - fake)).astype(np.float32)

    def _one_map(self, located: np.ndarray, sharp: np.ndarray) -> np.ndarray:
        if located.shape[-1] == 1:
            return located[..., 0]
        if self.facts.output == "softmax":
            return located[..., 1] - located[..., 0]
        return self.calibration.joined(located, sharp[:, None, None])

    def logits(self, cuts: np.ndarray, looks: int | None = None) -> np.ndarray:
        """The logits of `judge`."""
        return self.judge(cuts, looks).logits

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """See `Calibration.probabilities`."""
        return self.calibration.probabilities(logits)

    def heat(self, box: Box, located: np.ndarray, turns: int = 0) -> HeatMap:
        """Place a face's map from `judge`, float32 (h, w), on the picture it was cut from.

        Args:
            box, turns: as for `cut`.
            located: the map.
        """
        located = np.rot90(located, -turns)
        floor = self.facts.mask_floor
        values = self.calibration.calibrated(located) if floor is None else located - floor
        return HeatMap(crop_square(box, self.facts.crop_margin), values.astype(np.float32))
