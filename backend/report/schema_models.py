"""The parts of an answer that tell of single models: their votes, and what they are."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from backend.records.results import Prediction
from backend.report.schema_parts import Number, Seconds, Share, Told


class Vote(Told):
    """What one model says by itself."""

    name: str
    sha256: str = Field(description="Hex digest of its weights.")
    probability_fake: Share | None = Field(
        description="Calibrated for this model alone; null where nothing could be judged."
    )
    prediction: Prediction = Field(description="By thresholds of its own.")
    weight: Share = Field(
        description="Its share in the answer; 0 of a model that is only shown, because it was not "
        "calibrated together with the others."
    )
    milliseconds: Annotated[Seconds, Field(description="Wall time of its passes for this file.")]


class ModelErrors(Told):
    """What was measured of a model by itself, on whole files."""

    split: Literal["val", "dev-a", "dev-b"] = Field(
        description="val: other files of the methods and sources of training; dev-a, dev-b: "
        "methods and sources that it never saw."
    )
    kind: Literal["image", "video"]
    real: int = Field(description="Real files that were judged.")
    fake: int = Field(description="Manipulated files that were judged.")
    auc: Share = Field(description="Area under the curve of its score.")
    auc_low: Share = Field(description="Lower end of the 95 % interval.")
    auc_high: Share = Field(description="Upper end of the 95 % interval.")
    real_called_fake: Share
    fake_called_real: Share
    answered: Share = Field(description="Share of the files on which it takes a side.")
    milliseconds: Number = Field(description="Median of its wall time for a file.")


class ModelFacts(Told):
    """One model that is there."""

    name: str
    file: str
    size: int = Field(description="bytes")
    sha256: str
    use: Literal["decides", "shown", "idle"] = Field(
        description="decides: it counts in the answer; shown: it is asked and has no weight; idle: "
        "it is not asked. `DEEPFAKE_ENSEMBLE` chooses."
    )
    input: Literal["face", "windows", "track"] = Field(
        description="What it looks at: the crop of a face, windows of a picture, or how a face "
        "changes over a clip."
    )
    input_size: int = Field(description="px of the picture that it, or what it rests on, is fed")
    weights: dict[Literal["video", "image", "small_image"], Share] = Field(
        description="Its share in the answer by kind of file."
    )
    trained_on: str = Field(description="What it learned from; empty where nobody said.")
    licence: str = Field(description="Of its weights; empty where nobody said.")
    measured: list[ModelErrors] = Field(
        description="By split and kind of file; empty where it was not measured as it is used."
    )


class Models(Told):
    """All models that are there."""

    ensemble: str = Field(description="The choice: `DEEPFAKE_ENSEMBLE`.")
    models: list[ModelFacts]
