"""Judges windows of speech: the project's voice network, and how its logits are read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.audio.windows import BANDS, FRAMES, SAMPLES, features
from backend.engines import Precision, Weights
from backend.engines.registry import open_engine
from backend.errors import SetupError
from backend.models.calibration import Reading, probabilities
from backend.records.results import ModelCard, Profile

HEAD = "voice.synthetic"  # the one head, as the reading names it


class VoiceConfig(BaseModel):
    """`models/voice.json`: what serving must know about the weights beside it.

    Attributes:
        name: shown with every answer.
        made_with: the command that made the weights, for people.
        sha256: hex digest of the weights, a Keras HDF5 of the same name.
        precisions: what the engine may compute in, as measured.
        reading: how the logit of a file, the mean of its windows', becomes an answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    made_with: str = ""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    precisions: tuple[Precision, ...] = ("f32",)
    reading: Reading


class VoiceClassifier:
    """The voice network, ready to judge. Safe to share between threads.

    Args:
        model: the weights, Keras HDF5, with their JSON beside them.
        cache: folder for the converted network.
        engine: one of `backend.engines.registry.NAMES`.
        profile: which thresholds hold.

    Raises:
        SetupError: the model is missing, does not match its JSON, or does not load.
    """

    def __init__(
        self, model: Path, cache: Path, engine: str = "auto", profile: Profile = "balanced"
    ):
        self.config, self.profile = read_voice_config(model), profile
        weights = Weights(
            model, self.config.sha256, precisions=self.config.precisions, pixels=False
        )
        self._engine = open_engine(engine, weights, cache)
        try:
            self._engine.infer(np.zeros((1, FRAMES, BANDS, 2), np.float32))  # compiled now
        except (RuntimeError, ValueError):
            raise SetupError(
                f"{model.name} does not take the sound it is fed. Expected: windows of {FRAMES} x "
                f"{BANDS} x 2. Train it anew: `python -m backend train DATA --voice`."
            ) from None

    @property
    def card(self) -> ModelCard:
        """What an answer says of the model."""
        reading = self.config.reading
        known = getattr(reading.thresholds, self.profile)
        return ModelCard(
            self.config.name, self.config.sha256, known.real, known.fake, self.profile,
            reading.odds,
        )  # fmt: skip

    @property
    def facts(self) -> dict:
        """All that the answers rest on, ready for JSON: models with the same facts answer alike."""
        kept = self.config.model_dump(mode="json", exclude={"made_with", "precisions"})
        return {**kept, "profile": self.profile}

    @property
    def engine(self) -> str:
        """Name of the engine in use, e.g. "openvino"."""
        return self._engine.name

    @property
    def precision(self) -> Precision:
        """What the engine computes in, e.g. "f32"."""
        return self._engine.precision

    def logits(self, windows: np.ndarray) -> np.ndarray:
        """Judge windows in one pass.

        Args:
            windows: float32 mono at 16 kHz, shape (W, SAMPLES).

        Returns:
            Calibrated logits, float64, shape (W,), positive for synthetic.

        Raises:
            ValueError: they have another length.
        """
        if windows.ndim != 2 or windows.shape[1] != SAMPLES:
            raise ValueError(
                f"Expected windows of {SAMPLES} samples. Received: shape {windows.shape}."
            )
        if not len(windows):
            return np.zeros(0)
        return self.config.reading.logits({HEAD: self._engine.infer(features(windows))[0][:, 0]})

    def pooled(self, logits: Sequence[float]) -> float:
        """The logit of a file from those of its windows: the mean, which thresholds rest on."""
        return float(np.mean(logits))

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """See `backend.models.calibration.probabilities`."""
        return probabilities(logits)


def read_voice_config(model: Path) -> VoiceConfig:
    """Read and check the JSON beside the weights, and the weights.

    Raises:
        SetupError: a file is missing, or they do not belong together.
    """
    described = model.with_suffix(".json")
    for path in (model, described):
        if not path.is_file():
            raise SetupError(f"The voice model is incomplete: {path.name} is missing.")
    try:
        config = VoiceConfig.model_validate_json(described.read_bytes())
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "the file"
        raise SetupError(f"{described.name} is wrong: {field}: {first['msg']}.") from None
    with model.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != config.sha256:
        raise SetupError(
            f"{model.name} and {described.name} do not belong together: "
            f"Expected SHA-256 {config.sha256}. Received: {digest}."
        )
    return config
