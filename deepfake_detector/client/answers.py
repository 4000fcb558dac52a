"""What the server answers: made by `make answers` of the server's own schema, not by hand."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class AnalysisSettings(TypedDict):
    """What the analysis was told to look at, and what computed it."""

    moments: NotRequired[int | None]
    max_faces: NotRequired[int | None]
    engine: str
    precision: str


class Band(TypedDict):
    kind: Literal["real", "leans-real", "unsure", "leans-fake", "fake"]
    low: float
    high: float


class C2PA(TypedDict):
    """What was found of Content Credentials."""

    state: Literal["absent", "remote", "valid", "invalid", "unreadable"]
    text: str
    signer: str | None
    time: str | None
    assertions: list[str]


class Closeup(TypedDict):
    """
    The face that the answer rests on, large and upright. Where the answer is Real it is the one
    that speaks most against it.
    """

    frame: int
    time: float
    probability: float | None
    url: str
    track: int
    heat_map: str | None
    marked: bool


class ErrorDetail(TypedDict):
    code: str
    message: str


class Face(TypedDict):
    box: list[float]
    track: int
    probability: float | None
    concern: str | None
    score: float
    models: dict[str, float]


class File(TypedDict):
    name: str
    size: int


class Frame(TypedDict):
    index: int
    time: float
    faces: list[Face]
    url: str | None
    heat_map: str | None


class FrameAnalysis(TypedDict):
    frames_analysed: int
    frames_with_faces: int
    frames_above_threshold: int
    frames: list[Frame]


class Media(TypedDict):
    type: Literal["image", "video", "audio"]
    format: str
    codec: str
    width: int | None
    height: int | None
    duration: float | None
    fps: float | None
    frames: int | None


class Metadatum(TypedDict):
    name: str
    value: str


class Model(TypedDict):
    name: str
    sha256: str
    profile: Literal["strict", "balanced", "sensitive"]


class Note(TypedDict):
    """Something odd about the file that did not keep it from being judged."""

    code: Literal["named_otherwise", "incomplete", "metadata_damaged", "clock_jumps", "hdr"]
    text: str


class PartialFace(TypedDict):
    box: list[float]
    track: int
    probability: float | None
    concern: str | None


class PartialFrame(TypedDict):
    index: int
    time: float
    faces: list[PartialFace]


class Portrait(TypedDict):
    frame: int
    time: float
    probability: float | None
    url: str


class Provenance(TypedDict):
    """Where the file says it comes from. No part of the verdict."""

    sha256: str
    metadata: list[Metadatum]
    container: dict[str, str] | None
    c2pa: C2PA
    text: str


class Quality(TypedDict):
    """Something that makes the file hard to judge."""

    code: Literal[
        "no_face",
        "face_too_small",
        "face_blurred",
        "face_too_dark",
        "too_many_faces",
        "face_turned",
        "few_faces",
        "small_picture",
        "screen_recording",
        "strong_compression",
    ]
    text: str
    advice: str
    value: float | None
    unit: str


class Queue(TypedDict):
    running: int
    waiting: int
    capacity: int


class Refused(TypedDict):
    """A file of many that was not taken."""

    status: Literal["error"]
    file: File
    error: ErrorDetail
    retry_after: int | None


class Score(TypedDict):
    frame: int
    time: float
    probability: float | None


class Segment(TypedDict):
    """A part of the sound that decides, or speaks most against the answer Real."""

    start: float
    end: float
    text: str


class Side(TypedDict):
    """What the faces alone, or the voice alone, say of a file."""

    verdict: Literal["Real", "Fake", "Inconclusive"]
    judged: bool
    probability_fake: float | None
    confidence: float | None
    leaning: Literal["real", "fake"] | None
    odds: float | None
    reasons: list[str]
    explanation: list[str]


class Signal(TypedDict):
    """A measured property beside the range it has in real files. It decides nothing."""

    code: Literal[
        "blending_boundary",
        "score_flicker",
        "landmark_jumps",
        "frequency_residue",
        "sharpness_contrast",
        "texture_variance",
        "dropped_frames",
        "voice_change",
        "centroid",
        "centroid_spread",
        "rolloff",
        "zero_crossings",
        "contrast",
        "mfcc_spread",
        "mfcc_change",
        "bandwidth",
        "flatness",
        "pitch_spread",
        "jitter",
        "shimmer",
        "pauses",
        "pause_noise",
    ]
    name: str
    text: str
    value: float
    unit: str
    typical: list[float]
    repeatability: float
    ends: Literal["low", "high", "both"]
    unusual: bool
    time: float | None
    frame: int | None
    track: int | None


class Stretch(TypedDict):
    """A part of the sound."""

    start: float
    end: float


class System(TypedDict):
    """What the machine has, in MB of 1,000,000 bytes, and what is used of it."""

    cpu_count: int
    cpu_percent: float
    memory_total_mb: int
    memory_available_mb: int
    memory_used_by_server_mb: int
    uptime_seconds: float


class Thresholds(TypedDict):
    real: float | None
    fake: float


class Track(TypedDict):
    """One person."""

    id: int
    name: str
    decisive: bool
    prediction: Literal["Real", "Fake", "Inconclusive"]
    probability_fake: float | None
    leaning: Literal["real", "fake"] | None
    odds: float | None
    share: float
    start: float
    end: float
    moments: int
    judged: int
    concerns: dict[str, int]
    brief: bool
    pictures: list[Portrait]
    scores: list[Score]


class VoiceWindow(TypedDict):
    start: float
    end: float
    probability: float


class Vote(TypedDict):
    """What one model says by itself."""

    name: str
    sha256: str
    probability_fake: float | None
    prediction: Literal["Real", "Fake", "Inconclusive"]
    weight: float
    milliseconds: float


class Audio(TypedDict):
    """What was found in the sound of a file."""

    verdict: Literal["Real", "Fake", "Inconclusive"]
    judged: bool
    probability_fake: float | None
    confidence: float | None
    leaning: Literal["real", "fake"] | None
    odds: float | None
    reasons: list[str]
    explanation: list[str]
    duration: float
    sample_rate: int | None
    channels: int | None
    codec: str | None
    speech_seconds: float
    speech: list[Stretch]
    windows: list[VoiceWindow]
    segments: list[Segment]
    thresholds: Thresholds | None
    bands: list[Band]
    model: Model | None
    spectrogram: str | None


class Health(TypedDict):
    """Readiness, and what the server is made of."""

    status: Literal["ok", "error"]
    ready: bool
    version: str
    model: Model
    engine: str
    precision: str
    versions: dict[str, str]
    dependencies: dict[str, str]
    disk_free_mb: int
    queue: Queue
    system: System


class Partial(TypedDict):
    """What is known so far; the report may say otherwise."""

    probability_fake: float | None
    faces: int
    frames: list[PartialFrame]


class Report(TypedDict):
    """One finished analysis."""

    prediction: Literal["Real", "Fake", "Inconclusive"]
    judged: bool
    confidence: float | None
    probability_fake: float | None
    leaning: Literal["real", "fake"] | None
    odds: float | None
    reasons: list[str]
    explanation: list[str]
    anomalies: list[str]
    face: Side | None
    audio: Audio | None
    tracks: list[Track]
    signals: list[Signal]
    quality: list[Quality]
    notes: list[Note]
    provenance: Provenance
    model: Model
    models: list[Vote]
    status: Literal["success"]
    frames: list[str]
    id: str
    url: str
    faces_detected: int
    media: Media
    file: File
    closeup: Closeup | None
    recording: str | None
    frame_analysis: FrameAnalysis
    thresholds: Thresholds
    bands: list[Band]
    settings: AnalysisSettings
    processing_time: float
    created_at: str
    expires_at: str
    state: Literal["done"]
    percent: Literal[100]


class Status(TypedDict):
    """How a queued analysis stands."""

    status: Literal["success", "error"]
    id: str
    state: Literal["queued", "running", "done", "failed"]
    stage: Literal["waiting", "faces", "scores", "pictures", "sound", "voice", "done"]
    percent: int
    url: str
    status_url: str
    file: File
    frames_done: int
    frames_total: int | None
    eta_seconds: float | None
    partial: Partial | None
    error: ErrorDetail | None
    created_at: str
    expires_at: str


class Accepted(TypedDict):
    """The answers to the files of one request, in their order."""

    status: Literal["success"]
    analyses: list[Status | Refused]
