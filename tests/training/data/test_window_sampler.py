"""Windows of pictures at their own resolution: in pairs that were stored and cut alike."""

from dataclasses import replace

import numpy as np

from backend.training.data.window_sampler import WindowSampler
from backend.training.recipe import RECIPES, read_recipe

PIXELS = replace(read_recipe(RECIPES / "pixels.toml"), size=96)


def test_batches_are_paired_and_depend_on_the_step_alone(faces):
    make = lambda: WindowSampler(faces.of("train"), PIXELS)  # noqa: E731
    images, masks, heads, kinds = make().batch(5, 8)
    assert images.shape == (16, 96, 96, 3) and kinds == ["window"] * 8 and not heads.any()
    assert np.isnan(masks).all() and masks.shape == (16, 6, 6)
    again, *_ = make().batch(5, 8)
    other, *_ = make().batch(6, 8)
    assert np.array_equal(images, again) and not np.array_equal(images, other)


def test_both_members_of_a_pair_are_stored_and_cut_alike(faces):
    """Were a fake its own real face, nothing would tell them apart."""
    real = [face for face in faces.of("train") if face.row.file == "real/train0.png"]
    same = [replace(face, row=replace(face.row, fake=True, family="gan")) for face in real]
    images, *_ = WindowSampler([*real, *same], PIXELS).batch(0, 16)
    assert np.array_equal(images[::2], images[1::2])
    assert len({image.tobytes() for image in images}) == 16


def test_faces_of_clips_and_small_ones_are_not_drawn(faces):
    clips = [face for face in faces.of("train") if face.row.kind == "video"]
    assert WindowSampler(clips, PIXELS).lacking() == ["window"]
    side = max(min(face.native().shape[:2]) for face in faces.of("train"))
    large = replace(PIXELS, size=(side // 16 + 2) * 16)
    assert WindowSampler(faces.of("train"), large).lacking() == ["window"]
    assert not WindowSampler(faces.of("train"), PIXELS).lacking()
