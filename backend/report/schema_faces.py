"""The parts of an answer about what is seen: faces, frames, people."""

from __future__ import annotations

from pydantic import Field

from backend.records.bands import Leaning
from backend.records.results import Prediction
from backend.report.schema_parts import Odds, Pixels, Seconds, Share, Told


class PartialFace(Told):
    box: list[Pixels] = Field(description="left, top, right, bottom in px")
    track: int = Field(description="The same number is the same person.")
    probability: Share | None = Field(
        description="Calibrated probability of manipulation; null if not judged, or not yet."
    )
    concern: str | None = Field(description="Why the face is not judged.")


class Face(PartialFace):
    score: Share = Field(description="The detector's confidence that it is a face.")
    models: dict[str, Share] = Field(
        description="What each model says by itself: name and calibrated probability; empty if not "
        "judged."
    )


class LiveFace(PartialFace):
    name: str = Field(description="What the person is called.")


class PartialFrame(Told):
    index: int
    time: Seconds = Field(description="Seconds from the start of the clip.")
    faces: list[PartialFace]


class Frame(PartialFrame):
    faces: list[Face]
    url: str | None = Field(description="The annotated picture.")
    heat_map: str | None = Field(
        description="Transparent PNG to lay over the annotated picture, stretched to its size: "
        "where on each judged face the model sees manipulation. It is no outline of what was "
        "changed. Null where no face was judged or the model has no such map."
    )


class FrameAnalysis(Told):
    frames_analysed: int
    frames_with_faces: int
    frames_above_threshold: int = Field(description="Frames with a face at `thresholds.fake`.")
    frames: list[Frame]


class Score(Told):
    frame: int = Field(description="`index` of the frame.")
    time: Seconds = Field(description="Seconds from the start of the clip.")
    probability: Share | None = Field(
        description="Calibrated probability of manipulation; null if not judged."
    )


class Portrait(Score):
    url: str = Field(
        description="A small picture of the face. In the rows of the command line its file name, "
        "in the folder `saved_to`."
    )


class Closeup(Portrait):
    """The face that the answer rests on, large and upright. Where the answer is Real it is the one
    that speaks most against it."""

    track: int = Field(description="Whose it is.")
    heat_map: str | None = Field(
        description="As that of a frame, to lay over `url`; null where there is none."
    )
    marked: bool = Field(description="Whether `heat_map` shows any colour.")


class Track(Told):
    """One person."""

    id: int = Field(description="`track` of the person's faces.")
    name: str = Field(description="What sentences and pictures call the person.")
    decisive: bool = Field(description="Whether the file's verdict rests on this person.")
    prediction: Prediction = Field(
        description="By the same rules as the file's, from this person's moments alone; of who is "
        "`brief` always Inconclusive."
    )
    probability_fake: Share | None = Field(
        description="Calibrated; null where no moment could be judged."
    )
    leaning: Leaning | None = Field(description="As that of the file.")
    odds: Odds | None = Field(description="As those of the file.")
    share: Share = Field(description="Share of the frames looked at in which the person was seen.")
    start: Seconds = Field(description="Seconds: first seen.")
    end: Seconds = Field(description="Seconds: last seen.")
    moments: int = Field(description="Looks at the person.")
    judged: int = Field(description="How many of them could be judged.")
    concerns: dict[str, int] = Field(description="Why the others could not: code and count.")
    brief: bool = Field(
        description="Judged in less than a tenth of the moments with judged faces: too few for "
        "a verdict of its own."
    )
    pictures: list[Portrait] = Field(
        description="Up to four, the most telling first; empty where none were saved."
    )
    scores: list[Score] = Field(description="Every moment, in order of time.")
