"""Judges face crops: the weights, the facts beside them, and the engine that runs them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from backend.errors import SetupError
from backend.records import HeatMap, ModelCard
from backend.vision.crops import Box, crop_face, crop_square, look_closer
from backend.vision.engines import Engine, Precision, Weights, open_engine

Probability = Annotated[float, Field(gt=0, lt=1)]


class ModelFacts(BaseModel):
    """`temp_model.json`: what serving must know about the weights beside it.

    Attributes:
        name: shown with every answer.
        sha256: hex digest of the weights file.
        input_size: side of the input in px.
        crop_margin: of the face box, see `backend.vision.crops.crop_square`.
        scale, offset: the network is fed `pixel * scale + offset`; 1 and 0 where it scales itself.
        output: "logit" (one, positive for fake), "probability" (one, of fake) or "softmax"
            (real, fake).
        second_look: whether each face is also judged mirrored and from nearer, see
            `backend.vision.crops.look_closer`; its logit is then the mean of the two.
        temperature, bias: calibrated logit = logit / temperature + bias (Guo et al., 2017).
        threshold_real, threshold_fake: of the calibrated probability.
        soft_below, threshold_fake_soft: a face of less `backend.vision.quality.sharpness` than the
            first is soft, and called Fake only from the second on: the score of soft real faces
            reaches higher. 0: no face is soft.
        mask_floor: where the heat map of a network with a layer "mask" begins, in that layer's
            logits; None where the heat map is the class-activation map.
        precisions: what the engine may compute in: those whose AUC on `val` was measured to be
            within 0.002 of f32, see `backend.training.measure_engines`.
        made_with: the command and data that made the weights, for people.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    input_size: int = Field(ge=32, le=1024)
    crop_margin: float = Field(ge=0, le=2)
    scale: float = 1.0
    offset: float = 0.0
    output: Literal["logit", "probability", "softmax"] = "logit"
    second_look: bool = False
    temperature: float = Field(1.0, gt=0)
    bias: float = 0.0
    threshold_real: Probability
    threshold_fake: Probability
    soft_below: float = Field(0.0, ge=0)
    threshold_fake_soft: Probability = 1.0
    mask_floor: float | None = None
    precisions: tuple[Precision, ...] = ("f32",)
    made_with: str = ""

    @model_validator(mode="after")
    def _ordered(self):
        if self.threshold_real >= self.threshold_fake:
            raise ValueError("threshold_real must be below threshold_fake")
        if self.threshold_fake_soft < self.threshold_fake:
            raise ValueError("threshold_fake_soft must not be below threshold_fake")
        return self

    def fake_from(self, sharpness: np.ndarray) -> np.ndarray:
        """The Fake threshold of faces of this sharpness, float64 of the same shape."""
        soft = np.asarray(sharpness) < self.soft_below
        return np.where(soft, self.threshold_fake_soft, self.threshold_fake)


def read_facts(model: Path) -> ModelFacts:
    """Read and check the JSON beside the weights.

    Args:
        model: path of the weights, e.g. `temp_model.h5`.

    Raises:
        SetupError: one of the two files is missing, or they do not belong together.
    """
    described = model.with_suffix(".json")
    for path in (model, described):
        if not path.is_file():
            raise SetupError(f"The model is incomplete: {path.name} is missing.")
    try:
        facts = ModelFacts.model_validate_json(described.read_bytes())
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "the file"
        raise SetupError(f"{described.name} is wrong: {field}: {first['msg']}.") from None
    with model.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != facts.sha256:
        raise SetupError(
            f"{model.name} and {described.name} do not belong together: "
            f"Expected SHA-256 {facts.sha256}. Received: {digest}."
        )
    return facts


class Classifier:
    """Turns face crops into logits and logits into calibrated probabilities.

    Safe to share between threads.

    Args:
        model: the weights, Keras HDF5, with their JSON beside them.
        cache: folder for the converted model.
        engine: one of `backend.vision.engines.NAMES`.

    Raises:
        SetupError: the model is missing, does not match its JSON, or does not load.
    """

    def __init__(self, model: Path, cache: Path, engine: str = "auto"):
        self.facts = read_facts(model)
        facts = self.facts
        weights = Weights(model, facts.sha256, facts.scale, facts.offset, facts.precisions)
        self._engine: Engine = open_engine(engine, weights, cache)
        size = facts.input_size
        probe, _ = self._engine.infer(np.zeros((1, size, size, 3), np.uint8))
        columns = 2 if facts.output == "softmax" else 1
        if probe.reshape(len(probe), -1).shape[1] != columns:
            raise SetupError(
                f"The model's output does not fit its JSON. Expected {columns} value(s) a face "
                f"for '{self.facts.output}'. Received: {probe.reshape(1, -1).shape[1]}."
            )

    @property
    def engine(self) -> str:
        """Name of the engine in use, e.g. "openvino"."""
        return self._engine.name

    @property
    def precision(self) -> Precision:
        """What the engine computes in, e.g. "f32"."""
        return self._engine.precision

    @property
    def card(self) -> ModelCard:
        """What an answer says of the model where the sharpness of the faces is not known."""
        return self.card_for(0.0)

    def card_for(self, sharpness: float) -> ModelCard:
        """What an answer about faces of this sharpness says of the model."""
        facts, limit = self.facts, float(self.facts.fake_from(sharpness))
        strict = limit > facts.threshold_fake
        return ModelCard(facts.name, facts.sha256, facts.threshold_real, limit, strict)

    def crop(self, image: np.ndarray, box: Box) -> np.ndarray:
        """The network's view of a face: uint8 RGB, shape (input_size, input_size, 3)."""
        return crop_face(image, box, self.facts.crop_margin, self.facts.input_size)

    def judge(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Judge faces in one pass, and say where each looks manipulated.

        Args:
            crops: uint8 RGB, shape (N, input_size, input_size, 3), from `crop`.

        Returns:
            (float32, shape (N,): raw logits, positive for manipulated;
            float32, shape (N, h, w): the heat maps, raw logits of h x w equal cells of the crop,
            see `backend.vision.engines.tensorflow.with_map`; None where the network has none).
            The maps are of the first look alone.
        """
        if not len(crops):
            return np.zeros(0, np.float32), None
        looks = [crops, look_closer(crops)] if self.facts.second_look else [crops]
        score, located = self._engine.infer(np.concatenate(looks))
        logits = self._to_logits(score.reshape(len(score), -1)).reshape(len(looks), -1)
        if located is not None:
            located = located[: len(crops)]
            located = located[..., -1] - (located[..., 0] if located.shape[-1] == 2 else 0)
        return logits.mean(axis=0), located

    def _to_logits(self, score: np.ndarray) -> np.ndarray:
        if self.facts.output == "logit":
            return score[:, 0]
        fake = np.clip(score[:, -1].astype(np.float64), 1e-7, 1 - 1e-7)
        return np.log(fake / (1 - fake)).astype(np.float32)

    def logits(self, crops: np.ndarray) -> np.ndarray:
        """The logits of `judge`."""
        return self.judge(crops)[0]

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Calibrated probability of manipulation, float64, shape of `logits`."""
        return 1 / (1 + np.exp(-self._calibrate(logits)))

    def heat(self, box: Box, located: np.ndarray) -> HeatMap:
        """Place a face's map from `judge`, float32 (h, w), on the picture its `box` is of."""
        floor = self.facts.mask_floor
        values = self._calibrate(located) if floor is None else located - floor
        return HeatMap(crop_square(box, self.facts.crop_margin), values.astype(np.float32))

    def _calibrate(self, logits: np.ndarray) -> np.ndarray:
        return np.asarray(logits, np.float64) / self.facts.temperature + self.facts.bias
