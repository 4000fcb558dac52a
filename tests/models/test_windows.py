"""Windows of a picture at its own resolution: around the face, within the picture."""

import numpy as np
import pytest

from backend.models.windows import windows
from tests import made_media


def test_a_window_that_is_not_reduced_shows_the_pictures_own_pixels():
    image = made_media.astronaut()
    [window] = windows(image, (200, 100, 300, 200), 224, (1.0,))
    assert np.array_equal(window, image[38:262, 138:362])


def test_each_reduction_shows_more_of_the_picture():
    image = np.zeros((1000, 1000, 3), np.uint8)
    image[450:550, 450:550] = 255
    shares = [w.mean() / 255 for w in windows(image, (450, 450, 550, 550), 200, (1.0, 0.5))]
    assert shares == pytest.approx([1 / 4, 1 / 16], abs=0.01)


@pytest.mark.parametrize("box", [(-50, -50, 40, 40), (480, 480, 700, 700)])
def test_windows_at_the_edge_lie_within_the_picture(box):
    image = made_media.astronaut()
    corner = image[:224, :224] if box[0] < 0 else image[-224:, -224:]
    assert np.array_equal(windows(image, box, 224, (1.0,))[0], corner)


@pytest.mark.parametrize(("side", "count"), [(223, 0), (224, 1), (300, 2), (600, 3)])
def test_a_small_picture_has_fewer_windows(side, count):
    image = made_media.astronaut(side, 700)
    assert windows(image, (50, 50, 90, 90), 224, (0.85, 0.7, 0.5)).shape == (count, 224, 224, 3)
