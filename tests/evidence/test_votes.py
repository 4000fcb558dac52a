"""Each member's vote is its own answer, and a dispute that takes the side away is told."""

from dataclasses import replace

import pytest

from backend.evidence.verdict import decide
from backend.evidence.votes import disputed, votes
from backend.models.calibration import Profiles, Reading, Thresholds
from backend.records.votes import Voter
from tests.made_observations import CARD, calibrate, observed

ENDS = Thresholds(real=0.3, fake=0.9)
READING = Reading(
    weights={"face": 1.0, "pixels": 1.0},
    doubt=0.5,
    thresholds=Profiles(strict=ENDS, balanced=ENDS, sensitive=ENDS),
)


def seen(face, pixels, count=3):
    """Observations of one face that two members judged so."""
    said = {"face": face, "pixels": pixels}
    return [replace(each, votes=said) for each in observed([float(READING.logits(said))] * count)]


def test_a_member_answers_by_thresholds_of_its_own_as_if_it_were_alone():
    face = Voter(replace(CARD, name="face", threshold_fake=0.6), 0.25)
    pixels = Voter(replace(CARD, name="pixels", threshold_real=0.1), 0.75)
    unjudged = observed([None], start=3, rejection="face_blurred")
    found = votes([*seen(1.0, -1.5), *unjudged], (face, pixels), {"face": 0.25}, calibrate)
    assert [(v.name, v.prediction, v.weight, v.milliseconds) for v in found] == [
        ("face", "Fake", 0.25, 250), ("pixels", "Inconclusive", 0.75, 0),
    ]  # fmt: skip
    assert [v.probability_fake for v in found] == pytest.approx([calibrate(1.0), calibrate(-1.5)])
    nothing = votes(unjudged, (face, pixels), {}, calibrate)
    assert [(v.probability_fake, v.prediction) for v in nothing] == [(None, "Inconclusive")] * 2


@pytest.mark.parametrize(
    ("face", "pixels", "codes"),
    [
        (1.4, 1.4, ["scores_manipulated"]),  # they agree
        (5.0, -1.0, ["models_disagree"]),  # as much together, and would be Fake
        (-3.0, 1.5, ["models_disagree"]),
        (4.0, -3.0, ["undecided"]),  # as it would be without their dispute
    ],
)
def test_only_a_dispute_that_takes_the_side_away_is_told(face, pixels, codes):
    faces = seen(face, pixels)
    verdict = decide(faces, CARD, calibrate)
    told = disputed(verdict, faces, READING.undoubted.logits, CARD, calibrate)
    assert [reason.code for reason in told.reasons] == codes
    if codes == ["models_disagree"]:
        side = "Fake" if face > 0 else "Real"
        assert f"the answer would be {side}" in told.reasons[0].text
        assert told.prediction == "Inconclusive" and told.confidence is None
    else:
        assert told == verdict
