"""How an answer is told to contracts that know no undecided one: one rule for all of them."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, Field

from backend.report.schema import Answer, Report
from backend.report.schema_faces import Frame
from backend.report.schema_models import Vote
from backend.report.schema_parts import Thresholds

SIDES = {"Fake": True, "Real": False}


class Foreign(BaseModel):
    """What every answer of a foreign contract says beside what the contract asks for."""

    inconclusive: bool = Field(
        description="Whether no side is taken. Then a boolean is null, and `confidence` is the "
        "probability of the likelier side; null where nothing could be judged."
    )
    judged: bool = Field(description="As in the report; false is another thing than undecided.")
    reasons: list[str] = Field(description="As in the report.")
    id: str = Field(description="The analysis: see `/api/v1/analyses/{id}`.")
    url: str = Field(description="The results page.")


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer as a boolean and a number.

    Attributes:
        is_fake: None where no side is taken.
        confidence: probability that the side is right, 0 to 1; of an undecided answer that of the
            likelier side; None where nothing could be judged.
    """

    is_fake: bool | None
    confidence: float | None

    def word(self, fake: str, real: str, undecided: str) -> str:
        """What a contract calls it."""
        return undecided if self.is_fake is None else fake if self.is_fake else real

    @property
    def percent(self) -> float | None:
        """The confidence, 0 to 100."""
        return None if self.confidence is None else round(100 * self.confidence, 2)


def verdict(answer: Answer) -> Verdict:
    """That of a file."""
    is_fake = SIDES.get(answer.prediction)
    if is_fake is None:
        return _verdict(None, answer.probability_fake)
    return Verdict(is_fake, answer.confidence)


def verdict_of_vote(vote: Vote) -> Verdict:
    """That of a model by itself."""
    return _verdict(SIDES.get(vote.prediction), vote.probability_fake)


def verdict_of_frame(frame: Frame, thresholds: Thresholds) -> Verdict:
    """That of the face in a frame that scores highest, by the thresholds of the file."""
    scores = [face.probability for face in frame.faces if face.probability is not None]
    if not scores:
        return _verdict(None, None)
    if max(scores) >= thresholds.fake:
        return _verdict(True, max(scores))
    is_real = thresholds.real is not None and max(scores) <= thresholds.real
    return _verdict(False if is_real else None, max(scores))


def foreign(report: Report) -> dict:
    """The fields of `Foreign`."""
    return {
        "inconclusive": report.prediction == "Inconclusive",
        "judged": report.judged,
        "reasons": report.reasons,
        "id": report.id,
        "url": report.url,
    }


def _verdict(is_fake: bool | None, probability: float | None) -> Verdict:
    if probability is None:
        return Verdict(is_fake, None)
    sides = {True: probability, False: 1 - probability}
    return Verdict(is_fake, round(sides.get(is_fake, max(sides.values())), 4))
