"""FARGAN, the vocoder that makes fakes for training: what it draws."""

import shutil

import numpy as np
import pytest

from backend.settings import ROOT
from backend.training.augment import fargan
from backend.training.augment.sound_losses import decode
from backend.training.augment.vocode import stft


@pytest.mark.skipif(not shutil.which(fargan.PROGRAM), reason="docs/training.md builds it")
def test_a_voice_is_drawn_anew_in_step_with_itself():
    wave = decode(str(ROOT / "backend" / "bench" / "speech.opus"))[: 3 * 16_000]
    made = fargan.redraw(wave, np.random.default_rng(0))
    assert made.shape == wave.shape and made.dtype == np.float32
    assert abs(np.corrcoef(made, wave)[0, 1]) < 0.9  # not the same samples
    loud = [np.log(np.abs(stft(each, 512, 160)) + 1e-3).ravel() for each in (wave, made)]
    late = np.log(np.abs(stft(np.roll(made, 1600), 512, 160)) + 1e-3).ravel()
    assert np.corrcoef(*loud)[0, 1] > max(0.7, np.corrcoef(loud[0], late)[0, 1] + 0.1)
    changed = [fargan.revoice(wave, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert np.array_equal(*changed[:2]) and not np.array_equal(*changed[1:])
    assert changed[2].shape == wave.shape
