"""The frozen records of what is found in a file: verdict, frames, people, signals, provenance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from backend.records.bands import Band, Leaning, bands
from backend.records.observations import FaceObservation

Prediction = Literal["Real", "Fake", "Inconclusive"]
Profile = Literal["strict", "balanced", "sensitive"]
Ends = Literal["low", "high", "both"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason for the verdict: a stable code for programs and a sentence for people."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer.

    Attributes:
        prediction: "Real", "Fake" or "Inconclusive".
        probability_fake: calibrated, 0 to 1; None where nothing could be judged.
        confidence: calibrated probability of the stated prediction; None when Inconclusive.
        reasons: at least one.
        anomalies: sentences about faces that score like manipulation; may be empty.
        track: the track that decided; None where nothing could be judged.
        leaning: where an undecided score points by `odds`; None where it points nowhere, and where
            the prediction says it.
        odds: of the side that it leans to, to 1, as measured on unseen methods; at least 1.5. None
            without a leaning.
    """

    prediction: Prediction
    probability_fake: float | None
    confidence: float | None
    reasons: tuple[Reason, ...]
    anomalies: tuple[str, ...]
    track: int | None
    leaning: Leaning | None = None
    odds: float | None = None

    @property
    def is_unstable(self) -> bool:
        """Whether a side was taken and given up again, see `backend.evidence.stability`."""
        return self.reasons[0].code == "unstable"


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The facts of `temp_model.json` that an answer rests on.

    Attributes:
        name: of the model.
        sha256: hex digest of its weights, see `backend.models.model_config.ModelConfig.sha256`.
        threshold_real, threshold_fake: calibrated probabilities; at or below the first the
            answer is Real, at or above the second Fake, between them Inconclusive. The first is
            None where files of this kind are never called Real.
        profile: whose thresholds these are.
        odds: rising (probability, fakes for each real face), see
            `backend.models.calibration.Reading`.
    """

    name: str
    sha256: str
    threshold_real: float | None
    threshold_fake: float
    profile: Profile = "balanced"
    odds: tuple[tuple[float, float], ...] = ()

    @property
    def bands(self) -> tuple[Band, ...]:
        """Which answer each probability leads to."""
        return bands(self.threshold_real, self.threshold_fake, self.odds)


@dataclass(frozen=True, slots=True)
class AnalysedFrame:
    """A frame that was looked at: its time, annotated picture and faces.

    Attributes:
        picture: file name of the annotated JPEG in the analysis folder; None without one.
        heat: file name of the transparent PNG that shows its heat maps; None without one.
    """

    index: int
    time: float
    picture: str | None
    faces: tuple[FaceObservation, ...]
    heat: str | None = None


@dataclass(frozen=True, slots=True)
class Portrait:
    """A small picture of one person's face: `picture` is its file name in the analysis folder."""

    picture: str
    frame: int
    time: float
    probability: float | None


@dataclass(frozen=True, slots=True)
class Closeup(Portrait):
    """A large picture of the face that the answer rests on.

    Attributes:
        track: whose it is.
        heat: file name of its transparent heat map in the analysis folder; None without one.
        marked: whether that shows any colour.
    """

    track: int
    heat: str | None
    marked: bool


@dataclass(frozen=True, slots=True)
class Person:
    """One person followed through the file.

    Attributes:
        track: id, as in `FaceObservation.track`.
        decisive: whether the file's answer rests on this person.
        prediction, probability, leaning, odds: as those of the file, from this person's
            observations alone; the probability is None where none could be judged, the prediction
            of a brief one always Inconclusive, without a leaning.
        brief: judged in too few moments for an answer of its own.
        share: of the frames looked at in which the person was seen, 0 to 1.
        observations: all of them, in order of time.
        rejections: reason code -> observations that were not judged for it.
        portraits: the most telling first.
    """

    track: int
    decisive: bool
    prediction: Prediction
    probability: float | None
    leaning: Leaning | None
    odds: float | None
    share: float
    observations: tuple[FaceObservation, ...]
    rejections: dict[str, int]
    brief: bool
    portraits: tuple[Portrait, ...] = ()

    @property
    def name(self) -> str:
        """What the person is called in sentences and on pictures."""
        return self.observations[0].name


@dataclass(frozen=True, slots=True)
class Signal:
    """One measured property, beside the range that it has in real files.

    Attributes:
        code, name, text: for programs, as a heading, and as one sentence with the value.
        value, unit: the unit is empty for a plain number.
        typical: lowest and highest usual value, see `backend.evidence.usual_ranges`.
        repeatability: by how much the value may differ when the same is measured again.
        ends: "low", "high" or "both": beyond which of them a value speaks for manipulation.
        unusual: whether it lies there, by more than it would by chance or could be told.
        time, frame: seconds and index of where it is strongest; None where it has no place.
        track: whose it is; None for the file's as a whole.
    """

    code: str
    name: str
    text: str
    value: float
    unit: str
    typical: tuple[float, float]
    repeatability: float
    ends: Ends
    unusual: bool
    time: float | None
    frame: int | None
    track: int | None


@dataclass(frozen=True, slots=True)
class QualityWarning:
    """Something that makes the file hard to judge, and what to do about it."""

    code: str
    text: str
    advice: str
    value: float | None
    unit: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was found of C2PA Content Credentials.

    Attributes:
        state: "absent", "remote" (only an address, which is never fetched), "valid" (signature and
            content agree), "invalid" (did not pass the check) or "unreadable".
        text: one sentence about it.
        signer, time: who signed and when, as the manifest says; None where it does not.
        assertions: sentences about what it claims.
    """

    state: str
    text: str
    signer: str | None = None
    time: str | None = None
    assertions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the file says it comes from. No part of the verdict.

    Attributes:
        sha256: hex digest of the file.
        metadata: (name, value) of EXIF, XMP and tags, shortened and made printable.
        container: facts of the container, by name; None for a still.
        c2pa: the manifest.
        text: what all of it can and cannot tell.
    """

    sha256: str
    metadata: tuple[tuple[str, str], ...]
    container: dict[str, str] | None
    c2pa: Manifest
    text: str


@dataclass(frozen=True, slots=True)
class LiveMoment:
    """What a picture of a live camera shows, and what the last seconds say.

    Attributes:
        width, height: px.
        faces: in it.
        recent: all of the last seconds, see `backend.analysis.live_camera`, in order of time.
        people: whom these show.
        verdict: on those.
    """

    width: int
    height: int
    faces: tuple[FaceObservation, ...]
    recent: tuple[FaceObservation, ...]
    people: tuple[Person, ...]
    verdict: Verdict
