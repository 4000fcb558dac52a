"""Calibration on synthetic scores: thresholds that hold abroad, odds that rise."""

import numpy as np
import pytest

from backend.errors import SetupError
from backend.training.readings import finish, fit_together, fit_weights, unread
from backend.training.thresholds import FALSE_FAKE, FALSE_REAL, odds, thresholds
from tests.training_data import row

COUNT = 400  # files of a pool


def pools(*pools, count=COUNT):
    """Logits and rows of pools (split, source, family, mean logit)."""
    rng = np.random.default_rng(0)
    logits = np.concatenate([rng.normal(mean, 1.0, count) for *_, mean in pools])
    rows = [
        row(f"{split} {source} {family} {number}", source=source, split=split, family=family)
        for split, source, family, _ in pools
        for number in range(count)
    ]
    return logits, rows


REAL = [
    ("val", "page", "none", -1.5), ("dev-a", "phone", "none", -1.5),
    ("dev-a", "studio", "none", -1.5), ("dev-a", "street", "none", -1.5),
]  # fmt: skip
FAKE = [
    ("val", "made", "swap", 3.0), ("dev-a", "swaps", "swap", 3.0), ("dev-a", "gans", "gan", 3.0),
]  # fmt: skip


def of(split_and_source, logits, rows):
    return logits[[(each.split, each.source) == split_and_source for each in rows]]


def probability(logits):
    return 1 / (1 + np.exp(-logits))


def test_each_profile_keeps_its_promise_and_is_stricter_than_the_next():
    logits, rows = pools(*REAL, *FAKE)
    found = thresholds(logits, rows)
    for profile, promised in FALSE_FAKE.items():
        real = np.array([not each.fake for each in rows])
        called = probability(logits[real]) >= getattr(found, profile).fake
        assert called.mean() <= promised + 0.002, profile
    assert found.strict.fake > found.balanced.fake > found.sensitive.fake >= 0.5


def test_a_source_that_scores_high_raises_the_fake_threshold():
    usual = thresholds(*pools(*REAL, *FAKE))
    logits, rows = pools(*REAL[:3], ("dev-a", "street", "none", 0.0), *FAKE)
    strange = thresholds(logits, rows)
    street = probability(of(("dev-a", "street"), logits, rows))
    for profile, promised in FALSE_FAKE.items():
        assert getattr(strange, profile).fake > getattr(usual, profile).fake, profile
        called = (street >= getattr(strange, profile).fake).mean()
        assert called <= promised + 0.003, profile  # also by itself, not only among all


def test_a_family_that_scores_low_lowers_real():
    usual = thresholds(*pools(*REAL, *FAKE))
    logits, rows = pools(*REAL, *FAKE[:2], ("dev-a", "gans", "gan", -1.0))
    strange = thresholds(logits, rows)
    passed = probability(of(("dev-a", "gans"), logits, rows)) <= strange.balanced.real
    assert strange.balanced.real < usual.balanced.real
    assert passed.mean() <= FALSE_REAL + 0.005


def test_nothing_is_called_real_where_hardly_a_real_file_would_be():
    found = thresholds(*pools(*REAL, *FAKE[:2], ("dev-a", "gans", "gan", -7.0)))
    assert [getattr(found, profile).real for profile in FALSE_FAKE] == [None] * 3


def test_the_fakes_that_training_saw_do_not_set_real():
    usual = thresholds(*pools(*REAL, *FAKE))
    known = thresholds(*pools(*REAL, ("val", "made", "swap", -7.0), *FAKE[1:]))
    assert known.balanced.real == usual.balanced.real


def test_odds_rise_with_the_score_and_are_those_of_unseen_files():
    logits, rows = pools(*REAL, ("val", "made", "swap", -5.0), *FAKE[1:])
    found = odds(logits, rows)
    edges, values = zip(*found, strict=True)
    assert edges[0] == 0 and list(edges) == sorted(edges) and list(values) == sorted(values)
    assert values[0] < 0.1 and values[-1] > 10
    assert odds(*pools(REAL[0], FAKE[0])) == ()  # nothing unseen was measured


def test_the_scale_is_set_anew_by_whole_files():
    rng = np.random.default_rng(0)
    _, rows = pools(*REAL, *FAKE)
    fake = np.array([each.fake for each in rows])
    honest = rng.normal(np.where(fake, 2.0, -2.0), 2.0)  # its own log odds are the score itself
    before = unread({"fake": 1.0}, 0.5, doubt=0.2)
    found = finish(before, 3 * honest + 1, rows)
    assert found.weights["fake"] == pytest.approx(1 / 3, abs=0.05) and found.doubt == 0.2
    unjudged = np.append(3 * honest + 1, np.nan)
    assert finish(before, unjudged, [*rows, rows[0]]) == found


def test_members_are_weighed_and_doubted_on_val_alone():
    rng = np.random.default_rng(0)
    _, rows = pools(*REAL, *FAKE)
    fake = np.array([each.fake for each in rows])
    val = np.array([each.split == "val" for each in rows])
    said = {name: rng.normal(np.where(fake, 1.0, -1.0), 1.0) for name in ("face", "pixels")}
    said["noise"] = rng.normal(0, 1, len(rows))
    found = fit_together(said, rows)
    face, pixels = found.weights["face"], found.weights["pixels"]
    assert face == pytest.approx(2, abs=0.4) and pixels == pytest.approx(2, abs=0.4)
    assert found.weights.get("noise", 0.0) < 0.1 * face
    abroad = {name: np.where(val, own, -5 * own) for name, own in said.items()}
    assert fit_together(abroad, rows) == found
    # Where one member is sometimes far off, what they agree on is surer than their sum.
    off = rng.random(len(rows)) < 0.3
    wild = {**said, "pixels": np.where(off, rng.normal(0, 8, len(rows)), said["pixels"])}
    assert fit_together(wild, rows).doubt > 0


def test_no_head_speaks_against_a_fake():
    rng = np.random.default_rng(0)
    logits, rows = pools(*REAL, *FAKE)
    heads = {"face.good": logits, "face.wrong": -logits, "face.idle": rng.normal(0, 1, len(rows))}
    weights, _ = fit_weights(heads, rows)
    assert weights["face.good"] > 0.3 and "face.wrong" not in weights
    assert all(weight > 0 for weight in weights.values())


def test_without_anything_to_tell_by_nothing_is_calibrated():
    logits, rows = pools(*REAL, *FAKE)
    with pytest.raises(SetupError, match="do not tell real from fake"):
        fit_weights({"face.wrong": -logits}, rows)
    with pytest.raises(SetupError, match="needs real and fake"):
        fit_weights({"face.good": logits[: 4 * COUNT]}, rows[: 4 * COUNT])
