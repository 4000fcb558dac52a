"""The faces of a data folder: found as serving finds them, kept, and their losses listed."""

import cv2
import numpy as np
import pytest

from backend.errors import SetupError
from backend.models.crops import crop_face
from backend.training.data import face_finder
from backend.training.data.face_cache import face_cache
from backend.training.data.index import read_index
from tests import made_media
from tests.training_data import FRAMES, row, write, write_index


def found(folder, rows, cache=None):
    write_index(folder, rows)
    return face_cache(folder, read_index(folder), cache or folder / "cache", workers=1)


def test_every_file_of_the_folder_has_its_faces(data, faces):
    assert not faces.lost
    files = {face.row.key for face in faces.faces}
    assert files == {row.key for row in read_index(data)}
    clip = [face for face in faces.faces if face.row.file == "real/val4.mp4"]
    times = [float(face.record["time"]) for face in clip]
    assert len(clip) == FRAMES and times == sorted(set(times))


def test_a_face_is_cut_out_with_room_and_its_own_pixels(face, tmp_path):
    image, _ = face
    large = cv2.resize(image, None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC)
    for name, picture in (("small.png", image), ("large.png", large)):
        write(tmp_path / name, picture)
    small, big = found(tmp_path, [row("small.png"), row("large.png")]).faces
    small, big = sorted((small, big), key=lambda each: float(each.record["scale"]))
    assert small.record["scale"] == 1 and big.record["scale"] > 1
    assert big.native().shape[0] == pytest.approx(face_finder.NATIVE, abs=1)
    for each in (small, big):
        left, top, right, bottom = each.box
        size = max(right - left, bottom - top)
        assert each.image().shape[0] == pytest.approx(2 * size, abs=3)
        inside = each.landmarks.mean(0)
        assert left < inside[0] < right and top < inside[1] < bottom and each.record["meshed"]
    # The same face, whether it was large or not.
    crops = [crop_face(each.image(), each.box, 0.3, 96) for each in (small, big)]
    assert made_media.difference(*crops) < 25
    crops = [crop_face(each.native(), each.native_box, 0.0, 96) for each in (small, big)]
    assert made_media.difference(*crops) < 25


def test_the_labelled_part_alone_is_searched(face, tmp_path):
    image = face[0]
    panels = np.hstack([np.full_like(image, 90), image])
    write(tmp_path / "panels.png", panels)
    rows = [row("panels.png", group=f"{x}", part=(x, 0, x + 0.5, 1)) for x in (0.0, 0.5)]
    result = found(tmp_path, rows)
    assert [face.row.part[0] for face in result.faces] == [0.5]
    assert [(row.part[0], why) for row, why in result.lost] == [(0.0, "no_face")]


def test_files_without_a_face_are_listed_by_reason(face, tmp_path):
    image = face[0]
    write(tmp_path / "good.png", image)
    write(tmp_path / "plain.png", np.full_like(image, 90))
    write(tmp_path / "dark.png", cv2.convertScaleAbs(image, alpha=0.12))
    (tmp_path / "cut.png").write_bytes((tmp_path / "good.png").read_bytes()[:4000])
    (tmp_path / "text.png").write_text("no picture")
    names = ("good", "plain", "dark", "cut", "text", "missing")
    result = found(tmp_path, [row(f"{name}.png") for name in names])
    assert [face.row.file for face in result.faces] == ["good.png"]
    assert {row.file: why for row, why in result.lost} == {
        "plain.png": "no_face", "dark.png": "face_too_dark", "cut.png": "cannot_decode",
        "text.png": "unsupported_type", "missing.png": "missing",
    }  # fmt: skip
    assert result.reasons().total() == 5


def test_faces_are_searched_once_and_again_where_the_index_changed(face, tmp_path):
    write(tmp_path / "a.png", face[0])
    first = found(tmp_path, [row("a.png")])
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.u8")}
    again = found(tmp_path, [row("a.png", source="elsewhere")])  # no other pixels
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert again.faces[0].row.source == "elsewhere"
    assert np.array_equal(first.faces[0].image(), again.faces[0].image())
    found(tmp_path, [row("a.png", part=(0.0, 0.0, 0.9, 1.0))])
    assert len(list((tmp_path / "cache").rglob("*.u8"))) == 2


def test_a_part_that_was_not_finished_is_made_anew(face, tmp_path):
    write(tmp_path / "a.png", face[0])
    first = found(tmp_path, [row("a.png")]).faces[0].image().copy()
    (whole,) = (tmp_path / "cache").rglob("*.json")
    whole.unlink()  # it comes last
    whole.with_suffix(".u8").write_bytes(b"half")
    assert np.array_equal(found(tmp_path, [row("a.png")]).faces[0].image(), first)


def test_a_cache_that_cannot_be_written_is_refused(face, tmp_path):
    write(tmp_path / "a.png", face[0])
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(SetupError, match="Faces cannot be kept in .*cache: Not a directory"):
        found(tmp_path, [row("a.png")], tmp_path / "runs" / "cache")
