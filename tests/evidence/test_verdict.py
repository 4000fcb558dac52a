"""The answer follows from the scores, and says so."""

from dataclasses import replace

import pytest

from backend.evidence.verdict import decide, pool
from tests.made_observations import CARD, calibrate, observed


def codes(verdict):
    return [reason.code for reason in verdict.reasons]


def test_confidence_is_the_probability_of_the_stated_prediction():
    fake = decide(observed([4.0] * 10), CARD, calibrate)
    real = decide(observed([-4.0] * 10), CARD, calibrate)
    assert fake.prediction == "Fake" and fake.confidence == fake.probability_fake > 0.9
    assert real.prediction == "Real" and real.confidence == 1 - real.probability_fake > 0.9
    assert fake.anomalies and not real.anomalies


def test_between_the_thresholds_no_side_is_taken():
    verdict = decide(observed([0.5] * 10), CARD, calibrate)
    assert verdict.prediction == "Inconclusive" and verdict.confidence is None
    assert 0.3 < verdict.probability_fake < 0.9
    assert codes(verdict) == ["undecided"]


ODDS = ((0.0, 0.05), (0.3, 0.5), (0.45, 1.2), (0.6, 4.0))


@pytest.mark.parametrize(
    ("logit", "leaning", "odds"),
    [(-0.6, "real", 2.0), (-0.1, None, None), (0.3, None, None), (1.0, "fake", 4.0)],
)
def test_an_undecided_score_leans_as_unseen_methods_did(logit, leaning, odds):
    verdict = decide(observed([logit] * 10), replace(CARD, odds=ODDS), calibrate)
    assert codes(verdict) == ["undecided"]
    assert (verdict.leaning, verdict.odds) == (leaning, odds)
    assert decide(observed([logit] * 10), CARD, calibrate).leaning is None  # not measured


@pytest.mark.parametrize(
    "logits",
    [[-4.0] * 10, [4.0] * 10, [-6.0] * 27 + [4.0] * 3, [None] * 3],
)
def test_an_answer_and_what_nothing_rests_on_lean_nowhere(logits):
    rejection = "face_blurred" if None in logits else None
    seen = observed(logits, rejection=rejection)
    verdict = decide(seen, replace(CARD, odds=ODDS), calibrate)
    assert (verdict.leaning, verdict.odds) == (None, None)


@pytest.mark.parametrize(
    ("logits", "code", "leaning"),
    [
        ([-4.0] * 10, "never_called_real", "real"),
        ([-0.1] * 10, "never_called_real", None),
        ([0.3] * 10, "undecided", None),
        ([1.0] * 10, "undecided", "fake"),
        ([4.0] * 10, "scores_manipulated", None),
        ([-6.0] * 27 + [4.0] * 3, "part_of_clip", None),
    ],
)
def test_files_of_a_kind_may_never_be_called_real(logits, code, leaning):
    card = replace(CARD, threshold_real=None, odds=ODDS)
    verdict = decide(observed(logits), card, calibrate)
    assert verdict.prediction == ("Fake" if code == "scores_manipulated" else "Inconclusive")
    assert codes(verdict) == [code] and verdict.leaning == leaning
    assert (verdict.confidence is None) == (verdict.prediction == "Inconclusive")


def test_nothing_judged_gives_no_number():
    for rejection in ("face_too_small", "face_blurred", "face_too_dark"):
        verdict = decide(observed([None] * 3, rejection=rejection), CARD, calibrate)
        assert verdict.prediction == "Inconclusive"
        assert verdict.probability_fake is None and verdict.confidence is None
        assert codes(verdict) == [rejection]
    assert codes(decide([], CARD, calibrate)) == ["no_face"]


def test_one_manipulated_person_makes_a_manipulated_clip():
    verdict = decide(observed([-4.0] * 10) + observed([4.0] * 10, track=1), CARD, calibrate)
    assert verdict.prediction == "Fake" and verdict.track == 1
    assert "Person 2" in verdict.reasons[0].text


def test_a_few_bad_frames_do_not_swing_a_clip():
    verdict = decide(observed([-4.0] * 14 + [9.0] + [-4.0] * 14 + [9.0]), CARD, calibrate)
    assert verdict.prediction == "Real"


def test_a_manipulated_stretch_cannot_hide_behind_a_real_rest():
    verdict = decide(observed([-4.0] * 12 + [5.0] * 8 + [-4.0] * 12), CARD, calibrate)
    assert verdict.prediction == "Fake"
    assert "taken over 8 moments between 1.2 s and 1.9 s" in verdict.reasons[0].text


@pytest.mark.parametrize("count", [5, 8, 12, 20, 32])
def test_three_bad_moments_in_a_row_make_no_fake_of_a_short_clip(count):
    verdict = decide(observed([-6.0] * (count - 3) + [5.5] * 3), CARD, calibrate)
    assert verdict.prediction == "Inconclusive"


def test_of_several_people_no_ones_moments_are_taken_for_everybodys():
    verdict = decide(observed([-6.0] * 32) + observed([-5.0] * 8, track=1), CARD, calibrate)
    assert verdict.prediction == "Real"
    assert verdict.reasons[0].text == "All 2 faces score like unmanipulated faces do."


def test_a_stretch_too_short_to_decide_forbids_the_answer_real():
    verdict = decide(observed([-6.0] * 27 + [4.0] * 3), CARD, calibrate)
    assert verdict.prediction == "Inconclusive" and codes(verdict) == ["part_of_clip"]
    assert "between 2.7 s and 2.9 s" in verdict.reasons[0].text


def test_one_moment_scores_what_it_scored_and_few_their_mean():
    assert pool([1.5]) == (1.5, slice(0, 1))
    assert pool([1.0, 2.0, 6.0]) == (3.0, slice(0, 3))


def test_a_glimpse_of_a_stranger_does_not_decide():
    stranger = observed([6.0], track=1, start=5)
    verdict = decide(observed([-4.0] * 30) + stranger, CARD, calibrate)
    assert verdict.prediction == "Real" and verdict.track == 0


def test_where_most_is_too_dark_a_bystander_does_not_decide():
    dark = observed([None] * 30, rejection="face_too_dark")
    judged = observed([-4.0] * 2, start=30)
    stranger = observed([6.0], track=1, start=31)
    verdict = decide(dark + judged + stranger, CARD, calibrate)
    assert verdict.prediction == "Inconclusive" and codes(verdict)[0] == "too_few_looks"
    assert verdict.track == 0 and verdict.probability_fake < 0.3 and verdict.confidence is None
    assert "more than 2 of the 32 moments" in verdict.reasons[0].text
    verdict = decide(dark + stranger, CARD, calibrate)
    assert verdict.prediction == "Inconclusive" and codes(verdict)[0] == "too_few_looks"


def test_moments_far_apart_are_not_in_a_row():
    times = (0, 10, 20)
    faces = [face for time in times for face in observed([6.0], start=time)]
    rest = observed([-4.0] * 31, track=1)
    verdict = decide(sorted(faces + rest, key=lambda s: s.frame), CARD, calibrate)
    assert codes(verdict) != ["part_of_clip"]


def test_a_run_of_a_track_too_short_to_decide_forbids_the_answer_real():
    """As where a swap makes the tracker begin anew."""
    short = observed([0.0] * 10 + [6.0] * 3, track=1)[10:]
    verdict = decide(observed([-4.0] * 32) + short, CARD, calibrate)
    assert verdict.prediction == "Inconclusive" and codes(verdict) == ["part_of_clip"]
    assert verdict.track == 1 and "at Person 2 between 1.0 s" in verdict.reasons[0].text
    assert any("Person 2" in anomaly for anomaly in verdict.anomalies)


def test_no_number_in_a_sentence_is_certain():
    [sentence] = decide(observed([9.0]), CARD, calibrate).anomalies
    assert "over 99" in sentence and "100" not in sentence


def test_what_was_left_out_is_told():
    verdict = decide(
        observed([-4.0] * 8) + observed([None] * 2, rejection="face_blurred"), CARD, calibrate
    )
    assert codes(verdict) == ["scores_real", "face_blurred"]
    told = "Faces were seen 10 times; 2 times they were too blurred to judge."
    assert verdict.reasons[1].text == told
