"""Heat maps: where they are drawn, what they leave plain, and how they are served."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from backend.records.observations import Face, FaceObservation, HeatMap
from backend.report.annotate import COLDEST, HOTTEST, OPACITY, heat_layer
from backend.training.measure.heat_maps import Trial, choose, rows_of


def face_with(values, square=(100, 100, 200, 200)):
    """A judged face whose map is `values`, on `square` px of the frame."""
    face = Face(square, 0.9, np.zeros((6, 2), np.float32))
    heat = HeatMap(square, np.asarray(values, np.float32))
    return FaceObservation(0, 0, 0.0, face, 0, heat=heat)


def test_what_speaks_for_a_real_face_stays_plain():
    layer = heat_layer((240, 400), 1.0, [face_with(np.full((5, 5), COLDEST - 2))])
    assert layer.shape == (240, 400, 4) and layer[..., 3].max() == 0


def test_the_scale_is_fixed_and_not_stretched_to_the_picture():
    half = face_with(np.full((5, 5), (COLDEST + HOTTEST) / 2))
    hot = face_with(np.full((5, 5), HOTTEST + 9), (250, 100, 350, 200))
    alone, beside = (heat_layer((240, 400), 1.0, faces) for faces in ([half], [half, hot]))
    assert alone[150, 150, 3] == pytest.approx(255 * OPACITY / 2, abs=2)
    assert (alone[:, :220] == beside[:, :220]).all()
    assert beside[150, 300, 3] == pytest.approx(255 * OPACITY, abs=2)


@pytest.mark.parametrize("factor", [1.0, 0.5])
def test_a_hot_cell_lies_where_it_is_in_the_crop(factor):
    values = np.zeros((5, 5))
    values[1, 3] = HOTTEST  # its middle: 70 % to the right, 30 % down
    shape = (round(240 * factor), round(400 * factor))
    alpha = heat_layer(shape, factor, [face_with(values)])[..., 3].astype(float)
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    middle = [(alpha * axis).sum() / alpha.sum() / factor for axis in (columns, rows)]
    assert middle == pytest.approx([170, 130], abs=1)


def test_a_wide_picture_gets_a_small_layer_and_a_face_at_its_edge_is_cut():
    layer = heat_layer(
        (720, 1280), 1.0, [face_with(np.full((5, 5), HOTTEST), (-200, 400, 200, 800))]
    )
    assert layer.shape == (270, 480, 4)
    assert layer[269, 0, 3] and layer[151, 74, 3] and not layer[148:, 76:, 3].any()


def test_frames_without_a_map_have_no_layer():
    unjudged = FaceObservation(0, 0, 0.0, face_with([[0]]).face, 0, "face_too_small")
    assert heat_layer((240, 400), 1.0, []) is None
    assert heat_layer((240, 400), 1.0, [unjudged]) is None


def test_an_answer_has_a_layer_over_the_face_and_it_is_deleted_too(client, portrait):
    data = {"file": (BytesIO(portrait.read_bytes()), "portrait.jpg")}
    answer = client.post("/predict", data=data).json
    (frame,) = answer["frame_analysis"]["frames"]
    response = client.get(frame["heat_map"])
    assert response.mimetype == "image/png" and response.headers["Cache-Control"] == "no-store"
    layer = Image.open(BytesIO(response.data))
    assert layer.mode == "RGBA" and layer.width == layer.height == 480
    left, top, right, bottom = (
        v * 480 / answer["media"]["width"] for v in frame["faces"][0]["box"]
    )
    margin = 0.2 * (right - left)
    alpha = np.asarray(layer)[..., 3].copy()
    alpha[
        max(0, int(top - margin)) : int(bottom + margin),
        max(0, int(left - margin)) : int(right + margin),
    ] = 0
    assert not alpha.any()
    client.delete(f"/api/v1/analyses/{answer['id']}")
    assert client.get(frame["heat_map"]).status_code == 410


def test_a_picture_without_a_face_has_none(client, tmp_path):
    plain = BytesIO()
    Image.new("RGB", (300, 300), "teal").save(plain, "png")
    answer = client.post("/predict", data={"file": (BytesIO(plain.getvalue()), "plain.png")}).json
    assert [frame["heat_map"] for frame in answer["frame_analysis"]["frames"]] == [None]


def test_the_measurement_tells_a_map_that_finds_the_change_from_one_that_does_not():
    masks = [np.roll(np.pad(np.ones((6, 6), bool), (0, 26)), n * 3, (0, 1)) for n in range(8)]
    right = [Trial("nose", 6.0 * mask, mask, True, n % 2 == 0) for n, mask in enumerate(masks)]
    wrong = [Trial("mouth", -6.0 * mask, mask, True, n % 2 == 0) for n, mask in enumerate(masks)]
    rows = {row.kind: row for row in rows_of([*right, *wrong], *choose(right))}
    assert (rows["nose"].hit, rows["nose"].iou, rows["nose"].ranking) == (1, 1, 1)
    assert (rows["mouth"].hit, rows["mouth"].iou, rows["mouth"].ranking) == (0, 0, 0)
    assert rows["nose"].area == pytest.approx(36 / 32**2)
    assert rows["all blends"].hit_interval[0] < 0.5 < rows["all blends"].hit_interval[1]
