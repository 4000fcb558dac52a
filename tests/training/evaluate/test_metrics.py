"""The numbers of a measurement against known answers."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from backend.training.evaluate import metrics
from backend.training.evaluate.metrics import Scored


def scored(fake, logits, groups=None):
    groups = np.arange(len(fake)) if groups is None else groups
    return Scored(np.array(fake, bool), logits, 1 / (1 + np.exp(-logits)), groups)


def some_scores(count=300, seed=0):
    rng = np.random.default_rng(seed)
    fake = np.arange(count) % 2 == 1
    return fake, np.round(rng.normal(1.5 * fake - 0.75, 1.0), 1)  # rounded, so that there are ties


def test_resampled_ranking_is_that_of_scikit_learn():
    fake, logits = some_scores()
    rng = np.random.default_rng(1)
    weights = np.concatenate([np.ones((1, 300)), rng.integers(0, 4, (3, 300))]).astype(np.float32)
    found = scored(fake, logits).ranking(weights)
    for row, weight in enumerate(weights):
        times = np.repeat(np.arange(300), weight.astype(int))
        assert found["auc"][row] == pytest.approx(roc_auc_score(fake[times], logits[times]))
        assert found["ap"][row] == pytest.approx(
            average_precision_score(fake[times], logits[times])
        )
    point = metrics.measure(scored(fake, logits), 10)
    for name in ("eer", "tpr_at_1_fpr", "tpr_at_5_fpr"):
        assert point[name].value == pytest.approx(found[name][0]), name


def test_the_share_found_at_few_false_alarms_is_that_of_the_strictest_threshold_that_keeps_them():
    logits = np.concatenate([np.arange(100.0), [98.5, 96.5, 94.5, -1.0]])
    fake = np.arange(104) >= 100
    found = metrics.measure(scored(fake, logits), 10)
    assert found["tpr_at_1_fpr"].value == 0.25  # one real file above 98.5, three above 96.5
    assert found["tpr_at_5_fpr"].value == 0.75


def test_repeating_the_frames_of_a_group_proves_nothing_more():
    fake, logits = some_scores(100)
    once = metrics.measure(scored(fake, logits), 400)["auc"]
    repeated = scored(np.repeat(fake, 8), np.repeat(logits, 8), np.repeat(np.arange(100), 8))
    clustered = metrics.measure(repeated, 400)["auc"]
    assert clustered.high - clustered.low == pytest.approx(once.high - once.low, rel=0.02)
    assert metrics.share(np.zeros(800, bool), np.repeat(np.arange(100), 8)).high > 0.03


def test_an_honest_probability_has_a_small_calibration_error():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 4000)
    fake = rng.random(4000) < 1 / (1 + np.exp(-logits))
    honest = metrics.measure(scored(fake, logits), 50)["ece"]
    boastful = metrics.measure(scored(fake, 3 * logits), 50)["ece"]
    assert honest.value < 0.03 < 0.1 < boastful.low


def test_a_drop_is_of_the_same_faces():
    fake, logits = some_scores()
    before, after = scored(fake, logits), scored(fake, 0.5 * logits)
    assert metrics.auc_drop(before, after, 50).value == 0
    upside_down = metrics.auc_drop(before, scored(fake, -logits), 50)
    assert upside_down.value == pytest.approx(2 * metrics.measure(before, 10)["auc"].value - 1)


def test_one_label_has_no_numbers_and_no_file_no_share():
    assert metrics.measure(scored([True, True], np.zeros(2))) == {}
    assert metrics.share(np.zeros(0, bool), []) is None
