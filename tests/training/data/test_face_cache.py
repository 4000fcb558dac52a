"""The faces of a data folder: found as serving finds them, kept, and their losses listed."""

import cv2
import numpy as np
import pytest

from backend.errors import SetupError
from backend.faces.detector import FaceDetector
from backend.models.crops import crop_face
from backend.models.windows import windows
from backend.training.data.face_cache import face_cache
from backend.training.data.index import read_index
from tests import made_media
from tests.training_data import FRAMES, row, write, write_index


def found(folder, rows):
    write_index(folder, rows)
    return face_cache(folder, read_index(folder), folder / "cache", workers=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("mixed")


@pytest.fixture(scope="module")
def mixed(face, folder):
    """The faces of a folder of good files, of panels, and of files that show none."""
    image = face[0]
    plain = np.full_like(image, 90)
    large = cv2.resize(image, None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC)
    pictures = {
        "small": image,
        "large": large,
        "wide": cv2.copyMakeBorder(large, 0, 200, 30, 900, cv2.BORDER_REFLECT),
        "panels": np.hstack([plain, image]),
        "plain": plain,
        "dark": cv2.convertScaleAbs(image, alpha=0.12),
    }
    for name, picture in pictures.items():
        write(folder / f"{name}.png", picture)
    (folder / "cut.png").write_bytes((folder / "small.png").read_bytes()[:4000])
    (folder / "text.png").write_text("no picture")
    names = ("small", "large", "wide", "plain", "dark", "cut", "text", "missing")
    panels = [row("panels.png", group=f"{x}", part=(x, 0, x + 0.5, 1)) for x in (0.0, 0.5)]
    return found(folder, [*(row(f"{name}.png") for name in names), *panels])


def test_every_file_of_a_folder_has_its_faces(data, faces):
    assert not faces.lost
    assert {face.row.key for face in faces.faces} == {row.key for row in read_index(data)}
    clip = [face for face in faces.faces if face.row.file == "real/val4.mp4"]
    times = [float(face.record["time"]) for face in clip]
    assert len(clip) == FRAMES and times == sorted(set(times))


def test_a_face_is_cut_out_with_room_and_its_own_pixels(mixed):
    by_name = {face.row.file: face for face in mixed.faces}
    small, large = by_name["small.png"], by_name["large.png"]
    assert small.record["scale"] == 1 and large.record["scale"] > 1
    for each in (small, large):
        left, top, right, bottom = each.box
        size = max(right - left, bottom - top)
        assert each.image().shape[0] == pytest.approx(2 * size, abs=3)
        inside = each.landmarks.mean(0)
        assert left < inside[0] < right and top < inside[1] < bottom and each.record["meshed"]
    # The same face, whether it was large or not; grey levels, since the two boxes differ a little.
    crops = [crop_face(each.image(), each.box, 0.3, 96) for each in (small, large)]
    assert made_media.difference(*crops) < 25
    crops = [crop_face(each.native(), each.native_box, 0.0, 96) for each in (small, large)]
    assert made_media.difference(*crops) < 25


@pytest.mark.parametrize("name", ["large.png", "wide.png"])
def test_windows_of_what_is_kept_are_those_of_the_whole_picture(mixed, folder, name):
    [face] = [face for face in mixed.faces if face.row.file == name]
    whole = cv2.cvtColor(cv2.imread(str(folder / name)), cv2.COLOR_BGR2RGB)
    assert face.native().shape[:2] < whole.shape[:2]
    box = FaceDetector(threads=1).detect(whole)[0].box
    kept = windows(face.native(), face.native_box, 224)
    assert len(kept) > 1 and np.array_equal(kept, windows(whole, box, 224))


def test_the_labelled_part_alone_is_searched(mixed):
    searched = [face.row.part[0] for face in mixed.faces if face.row.file == "panels.png"]
    assert searched == [0.5]
    assert [why for row, why in mixed.lost if row.file == "panels.png"] == ["no_face"]


def test_files_without_a_face_are_listed_by_reason(mixed):
    assert {row.file: why for row, why in mixed.lost if row.file != "panels.png"} == {
        "plain.png": "no_face", "dark.png": "face_too_dark", "cut.png": "cannot_decode",
        "text.png": "unsupported_type", "missing.png": "missing",
    }  # fmt: skip
    assert mixed.reasons()["no_face"] == 2 and mixed.reasons().total() == 6


def test_faces_are_searched_again_only_where_rows_changed_or_a_part_was_not_finished(
    face, tmp_path
):
    write(tmp_path / "a.png", face[0])
    first = found(tmp_path, [row("a.png")]).faces[0].image().copy()
    (kept,) = (tmp_path / "cache").rglob("*.u8")
    made = kept.stat().st_mtime_ns
    again = found(tmp_path, [row("a.png", source="elsewhere")])  # no other pixels
    assert again.faces[0].row.source == "elsewhere" and kept.stat().st_mtime_ns == made
    kept.with_suffix(".json").unlink()  # it comes last
    kept.write_bytes(b"half")
    assert np.array_equal(found(tmp_path, [row("a.png")]).faces[0].image(), first)
    found(tmp_path, [row("a.png", part=(0.0, 0.0, 0.9, 1.0))])
    assert len(list((tmp_path / "cache").rglob("*.u8"))) == 2


def test_a_cache_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(SetupError, match="Faces cannot be kept in .*cache: Not a directory"):
        found(tmp_path, [row("a.png")])
