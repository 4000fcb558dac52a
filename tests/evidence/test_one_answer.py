"""The one answer of a file with faces and a voice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.evidence.one_answer import together
from backend.records.results import Reason, Verdict


def said(who: str, what: str, probability=None, leaning=None) -> Verdict:
    confidence = {"Fake": probability, "Real": 1 - (probability or 0)}.get(what)
    reason, anomalies = Reason(f"{who}_{what}", who), (who,) if what == "Fake" else ()
    odds = 3.0 if leaning else None
    track = 0 if who == "faces" and probability is not None else None
    return Verdict(what, probability, confidence, (reason,), anomalies, track, leaning, odds)


REAL, FAKE = ("Real", 0.1), ("Fake", 0.95)
UNSURE, LOW, HIGH = (
    ("Inconclusive", 0.5), ("Inconclusive", 0.3, "real"), ("Inconclusive", 0.8, "fake"),
)  # fmt: skip
UNJUDGED = ("Inconclusive",)


@pytest.mark.parametrize(
    ("faces", "voice", "prediction", "probability", "decides"),
    [
        (REAL, ("Real", 0.2), "Real", 0.2, "voice"),
        (REAL, FAKE, "Fake", 0.95, "voice"),
        (FAKE, REAL, "Fake", 0.95, "faces"),
        (FAKE, ("Fake", 0.99), "Fake", 0.99, "voice"),
        (UNSURE, FAKE, "Fake", 0.95, "voice"),
        (FAKE, UNJUDGED, "Fake", 0.95, "faces"),
        (UNJUDGED, FAKE, "Fake", 0.95, "voice"),
        (REAL, UNJUDGED, "Real", 0.1, "faces"),
        (REAL, UNSURE, "Real", 0.1, "faces"),
        (REAL, LOW, "Real", 0.1, "faces"),
        (REAL, HIGH, "Inconclusive", 0.8, "voice"),
        (UNSURE, REAL, "Inconclusive", 0.5, "faces"),
        (UNSURE, HIGH, "Inconclusive", 0.8, "voice"),
        (UNSURE, LOW, "Inconclusive", 0.5, "faces"),
        (UNJUDGED, UNJUDGED, "Inconclusive", None, "faces"),
    ],
)
def test_which_side_decides(faces, voice, prediction, probability, decides):
    answer = together(said("faces", *faces), said("voice", *voice))
    assert (answer.prediction, answer.probability_fake) == (prediction, probability)
    assert answer.reasons[0].text == decides
    deciding = {"faces": said("faces", *faces), "voice": said("voice", *voice)}[decides]
    kept = ("confidence", "leaning", "odds", "track")
    assert all(getattr(answer, name) == getattr(deciding, name) for name in kept)


def test_a_real_voice_makes_no_file_real_whose_faces_could_not_be_judged():
    voice, faces = said("voice", *REAL), said("faces", *UNJUDGED)
    answer = together(faces, voice)
    assert (answer.prediction, answer.probability_fake, answer.confidence) == (
        "Inconclusive", 0.1, None,
    )  # fmt: skip
    assert [reason.text for reason in answer.reasons] == ["faces", "voice"]
    nobody = replace(faces, reasons=(Reason("no_face", "Nobody is to be seen."),))
    assert together(nobody, voice).prediction == "Real"


def test_both_sides_are_told():
    answer = together(said("faces", *FAKE), said("voice", *FAKE))
    assert sorted(reason.text for reason in answer.reasons) == ["faces", "voice"]
    assert sorted(answer.anomalies) == ["faces", "voice"]
    assert len(together(said("faces", *UNJUDGED), said("voice", *REAL)).reasons) == 2


def test_a_voice_that_was_not_judged_changes_nothing():
    for faces in (REAL, FAKE, UNSURE, UNJUDGED):
        assert together(said("faces", *faces), said("voice", *UNJUDGED)) == said("faces", *faces)


def test_one_side_alone():
    assert together(said("faces", *REAL), None) == said("faces", *REAL)
    assert together(None, said("voice", *UNJUDGED)) == said("voice", *UNJUDGED)
    with pytest.raises(ValueError, match="Received: none"):
        together(None, None)
