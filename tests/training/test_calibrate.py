"""Probabilities, thresholds and the reading of the outputs, from scores that are known."""

from types import SimpleNamespace

import numpy as np

from backend.training.augment.conditions import CONDITIONS
from backend.training.calibrate import calibrate


def rows_of(*kinds):
    """1000 samples of `val` for each (archive, source, fake)."""
    return [
        SimpleNamespace(archive=archive, source=source, fake=fake, split="val",
                        kind="video" if archive == "dfdc.tar" else "image")
        for archive, source, fake in kinds
        for _ in range(1000)
    ]  # fmt: skip


def calibrated(kind, rows, outputs, sharp=200.0):
    sharp = np.broadcast_to(sharp, len(rows))
    return calibrate(
        kind, rows, dict.fromkeys(CONDITIONS, outputs), dict.fromkeys(CONDITIONS, sharp)
    )


def test_calibration_keeps_the_promised_error_rates():
    rng = np.random.default_rng(0)
    rows = rows_of(
        ("dfdc.tar", "cameras", False), ("dfdc.tar", "swaps", True),
        ("b", "portraits", False), ("b", "generated", True),
    )  # fmt: skip
    logits = np.concatenate([rng.normal(mean, 1.5, 1000) for mean in (-2.0, 2.0, 0.5, 3.0)])
    found = calibrated("image", rows, logits[:, None, None])
    probability = found.probabilities(logits)
    # The worst real source keeps the promise, not only the average over all of them.
    assert (probability[2000:3000] >= found.threshold_fake).mean() <= 0.011
    assert (probability[1000:2000] <= found.threshold_real).mean() <= 0.051
    assert found.threshold_real < found.threshold_fake


def test_frames_of_clips_are_read_by_the_head_of_manipulations_and_sharp_pictures_by_both():
    rng = np.random.default_rng(0)
    rows = rows_of(
        ("dfdc.tar", "dfdc", False), ("dfdc.tar", "dfdc", True),
        ("stills.tar", "portraits", False), ("stills.tar", "generated", True),
    )  # fmt: skip
    means = np.array([[-3, -3], [3, -3], [-3, -3], [-3, 3]])  # of each head
    outputs = np.repeat(means, 1000, axis=0) + rng.normal(0, 1, (4000, 2))
    outputs, sharp = outputs[:, None], rng.uniform(200, 400, 4000)
    frames, pictures = (calibrated(kind, rows, outputs, sharp) for kind in ("video", "image"))
    assert frames.heads == ((1, 1), (0, 0)) and pictures.heads[1][1] > 0.8
    real, swap, _, generated = np.split(np.arange(4000), 4)
    said = frames.probabilities(frames.logits(outputs, sharp))
    assert (said[swap] > 0.5).mean() > 0.95 and (said[generated] < 0.5).mean() > 0.95
    said = pictures.probabilities(pictures.logits(outputs, sharp))
    for fake in (swap, generated):
        assert (said[fake] > 0.5).mean() > 0.95 > 0.05 > (said[real] > 0.5).mean()
