"""Faces drawn anew for training: where, how often, what stays, and how what draws is trained."""

from dataclasses import replace

import numpy as np
import pytest

from backend.errors import SetupError
from backend.training.augment.regions import LEFT_EYE, LIPS, RIGHT_EYE, region_mask
from backend.training.data.pair_sampler import PairSampler
from backend.training.recipe import RECIPES, read_recipe

torch = pytest.importorskip("torch")
from backend.training.augment import autoencoder  # noqa: E402, torch must be there
from backend.training.augment.autoencoder import ALIGNED, Autoencoder, aligner  # noqa: E402
from backend.training.augment.redraw import Redrawer  # noqa: E402


@pytest.mark.parametrize("turn", (0, 1, 2, 3))
def test_eyes_and_mouth_are_laid_in_place_however_the_head_is_turned(face, turn):
    image, landmarks = face
    for _ in range(turn):  # a quarter turn to the left
        landmarks = np.stack([landmarks[:, 1], image.shape[1] - landmarks[:, 0]], axis=1)
    matrix = aligner(landmarks, 128)
    assert np.linalg.det(matrix[:, :2]) > 0  # never mirrored
    for part, place in zip((RIGHT_EYE, LEFT_EYE, LIPS), ALIGNED, strict=True):
        point = matrix[:, :2] @ landmarks[part].mean(0) + matrix[:, 2]
        assert np.abs(point - place * 128).max() < 8


def test_only_the_face_is_drawn_anew_and_stays_alike(face):
    image, landmarks = face
    drawn = Redrawer()(image, landmarks, np.random.default_rng(0))
    changed = (drawn != image).any(axis=2)
    rows, columns = np.round(landmarks[LIPS + LEFT_EYE + RIGHT_EYE]).astype(int).T[::-1]
    assert changed[rows, columns].mean() > 0.9
    corners = changed[[0, 0, -1, -1], [0, -1, 0, -1]]
    inside = region_mask(landmarks, image.shape[:2], "face") > 0
    error = np.abs(drawn[inside].astype(float) - image[inside])
    assert 1 < error.mean() < 20, error.mean()
    assert not corners.any() and drawn.shape == image.shape and drawn.dtype == np.uint8


@pytest.mark.parametrize(("share", "least", "most"), ((0.0, 0, 0), (0.5, 16, 48), (1.0, 64, 64)))
def test_blends_are_drawn_anew_in_their_share(share, least, most, faces, monkeypatch):
    recipe = read_recipe(RECIPES / "face.toml")
    recipe = replace(recipe, size=64, redraw=share, mix={"blend_video": 1.0})
    sampler = PairSampler(faces.of("train"), recipe)
    count, draw = [], Redrawer.__call__
    monkeypatch.setattr(Redrawer, "__call__", lambda *given: count.append(1) or draw(*given))
    for step in range(8):
        sampler.batch(step, 8)
    assert least <= len(count) <= most


def test_what_draws_is_trained_on_real_faces_and_spoiled_weights_are_named(faces, tmp_path):
    weights = tmp_path / "autoencoder.pt"
    train = faces.of("train")
    autoencoder.train(train, weights, steps=2)
    Redrawer(weights)
    for content in (b"spoiled", b""):
        weights.write_bytes(content)
        with pytest.raises(SetupError, match="autoencoder.pt, is missing or damaged"):
            Redrawer(weights)
    with pytest.raises(SetupError, match="no real faces to learn from"):
        autoencoder.train([face for face in train if face.row.fake], weights, steps=2)


@pytest.mark.parametrize("decoder", (0, 1, 2))
def test_each_decoder_learns_to_draw_what_it_sees(face, decoder):
    torch.manual_seed(1)
    crop = autoencoder.align(*face, 64)
    goal = torch.from_numpy(crop).permute(2, 0, 1)[None].float() / 127.5 - 1
    network = Autoencoder()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    losses = []
    for _ in range(60):
        loss = autoencoder.unlikeness(network(goal, decoder, torch.tensor([64])), goal)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0], losses[::10]
