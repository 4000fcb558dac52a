"""The one crop: it shows the right pixels of a face."""

import numpy as np
import pytest

from backend.models.crops import crop_face, crop_square
from tests import made_media


def test_the_crop_is_the_square_around_the_box():
    image = np.zeros((200, 300, 3), np.uint8)
    image[50:150, 100:180] = 255  # a white "face" of 80x100
    crop = crop_face(image, (100, 50, 180, 150), margin=0.0, size=100)
    columns = crop[50, :, 0] > 127
    assert crop_square((100, 50, 180, 150), 0.0) == (90, 50, 190, 150)
    assert columns.sum() == 80 and columns[10:90].all()
    assert (crop[:, 50] == 255).all()


@pytest.mark.parametrize("size", [32, 160, 224])
def test_a_large_face_is_averaged_and_not_sampled(size):
    # A chequerboard of single pixels is grey from afar; picking pixels would alias it.
    board = (np.indices((1600, 1600)).sum(0) % 2 * 255).astype(np.uint8)
    crop = crop_face(np.repeat(board[..., None], 3, 2), (0, 0, 1600, 1600), 0.0, size)
    assert abs(crop.astype(float).mean() - 127.5) < 2
    assert crop.std() < 3


@pytest.mark.parametrize("box", [(-50, -50, 40, 40), (480, 480, 700, 700), (900, 900, 950, 950)])
def test_a_box_beyond_the_picture_repeats_its_edge(box):
    crop = crop_face(made_media.astronaut(), box, 0.1, 64)
    assert crop.shape == (64, 64, 3) and crop.dtype == np.uint8
