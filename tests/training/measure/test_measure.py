"""The door of all measurements, and that each tells what is good from what is not."""

import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest

from backend.cli.commands import main
from backend.cli.measure import MEASUREMENTS
from backend.errors import SetupError
from backend.evidence.usual_ranges import read_ranges
from backend.models.model_config import facts_of
from backend.models.model_file import read_config
from backend.report.model_errors import load, unseen
from backend.settings import load_settings
from backend.training.data.face_cache import FaceCache
from backend.training.evaluate.leakage import by_source, shortcuts
from backend.training.measure import candidates, descriptor, quality
from backend.training.measure.candidates import PATCH, SIDE
from backend.training.measure.face_scenes import Scene, dark, hits, turned
from backend.training.measure.faces import score
from backend.training.measure.heat_maps import blends, judge, swaps
from backend.training.measure.originals import pictures
from backend.training.recipe import RECIPES, read_recipe
from tests import made_media
from tests.training_data import FRAMES, row, write


@pytest.fixture
def measure(data, runs, faces, tmp_path):
    """Runs a measurement on the folder of `data`, and gives its exit code and its result."""

    def run(name, *options):
        out = tmp_path / f"{name}.out"
        code = main(["measure", name, str(data), "--runs", str(runs), "--out", str(out), *options])
        return code, out

    return run


def rows_of(page, first):
    """The cells of the lines of a table that begin with `first`."""
    lines = [line for line in page.splitlines() if line.startswith(f"| {first} |")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_help_lists_every_measurement(capsys):
    with pytest.raises(SystemExit):
        main(["measure", "--help"])
    said = capsys.readouterr().out
    for name, (about, *_) in MEASUREMENTS.items():
        assert name in said and about.split()[0] in said


def test_a_folder_without_an_index_is_refused(tmp_path, capsys):
    assert main(["measure", "quality", str(tmp_path), "--out", str(tmp_path / "page.md")]) == 2
    assert "index.csv is missing" in capsys.readouterr().err
    assert not (tmp_path / "page.md").exists()


# --- quality, descriptors, leakage


def test_quality_is_of_real_faces(measure, faces, capsys):
    code, out = measure("quality")
    assert code == 0 and capsys.readouterr().out == out.read_text()
    (bright,), (sharp,) = (rows_of(out.read_text(), name) for name in ("brightness", "sharpness"))
    real = {face.row.key for face in faces.faces if not face.row.fake}
    assert int(bright[2]) == len(real) and 60 < float(bright[5]) < 200
    assert 0 < int(sharp[2]) <= len(real) and float(sharp[3]) >= quality.quality.SOFTEST


def test_descriptors_are_compared_within_a_person_between_people_and_with_swaps(measure, faces):
    _, out = measure("descriptor")
    page = out.read_text()
    (one,), (swapped,) = rows_of(page, "one person"), rows_of(page, "a face and its swap")
    assert 0 < float(one[2]) < float(swapped[2])
    (still,), (changed,) = (
        rows_of(page, name) for name in ("real clips", "real clips, the second half swapped")
    )
    assert still[1] == changed[1] == "4" and float(still[3]) < float(changed[3])
    alone = [face for face in faces.faces if face.row.group == "val4"]
    with pytest.raises(SetupError, match="two groups of one source"):
        descriptor.measure(FaceCache(alone, []))


def brighter(face, by):
    """The face as a fake of its own group, its whole picture brighter."""
    picture = cv2.convertScaleAbs(face.image(), beta=by)

    class Changed(type(face)):
        __slots__ = ()

        def image(self):
            return picture

    return Changed(replace(face.row, fake=True, family="swap"), face.record, face.shard)


@pytest.mark.parametrize(("by", "least", "most"), [(60, 0.9, 1.0), (0, 0.45, 0.55)])
def test_a_label_that_can_be_read_off_the_brightness_is_noticed(faces, by, least, most):
    real = [f for f in faces.of("train") if not f.row.fake and f.row.kind == "image"]
    recipe = read_recipe(RECIPES / "face.toml")
    recipe = replace(recipe, size=64, mix={"manipulated": 1.0}, untouched=1.0)
    made = [*real, *(brighter(face, by) for face in real)]
    (whole,) = shortcuts(made, recipe, 64)
    assert whole.pairs == 64 and least <= whole.single["whole: brightness"] <= most
    (page,) = by_source(made, recipe, 32)
    assert page.name == "face: fakes of page"
    assert least <= page.single["whole: brightness"] <= most
    assert not shortcuts(real, recipe, 32)  # no fakes, no pairs


# --- members of the model, and signals that were tried


def test_members_are_measured_by_themselves_and_serving_reads_it(measure, tmp_path, settings):
    told = tmp_path / "models.json"
    code, out = measure("models", "--files", "2", "--json", str(told))
    page = out.read_text()
    assert code == 0 and "`python -m backend measure models DATA --files 2`" in page
    face = rows_of(page, "face")
    assert {(row[1], row[2]) for row in face} >= {("val", "clips"), ("dev-b", "pictures")}
    # No window fits into every second picture.
    assert [row[2:5] for row in rows_of(page, "pixels")] == [["pictures", "1", "1"]] * 3
    assert len(rows_of(page, "face + pixels")) == 3
    members = read_config(settings.model).members
    known = {m.sha256: {**facts_of(m), "profile": settings.profile} for m in members}
    own = unseen(load(told, known), members[0].sha256, "image")
    assert (own.real, own.fake) == (2, 2) and 0 <= own.auc <= 1 and own.milliseconds > 0
    known[members[0].sha256]["profile"] = "strict"
    assert members[0].sha256 not in load(told, known)


def test_signals_that_were_tried_are_told_with_both_splits(measure):
    code, out = measure("candidates", "--files", "3", "--clips", "1")
    page = out.read_text()
    clips, pictures = rows_of(page, "`edge_density`")
    assert code == 0 and (clips[1], pictures[1], pictures[2]) == ("clips", "pictures", "3, 3")
    assert "## Together" in page and not rows_of(page, "`blink_rate`")  # clips of a second


def test_a_signal_measures_what_its_name_says():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (PATCH, PATCH, 3)).astype(np.uint8)
    soft = cv2.GaussianBlur(noise, (0, 0), 2)
    picture = made_media.astronaut()[100 : 100 + PATCH, 150 : 150 + PATCH].copy()
    sharp, smooth = candidates.of_pixels(noise, noise), candidates.of_pixels(soft, soft)
    for name in ("texture_variance", "spectrum_slope"):
        assert sharp[name] > smooth[name]
    _, saved = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 70])
    saved = cv2.imdecode(saved, cv2.IMREAD_COLOR)
    assert candidates.ghost(saved)[0] == 70 and candidates.phase(saved) == (0, 0)
    assert candidates.phase(np.ascontiguousarray(saved[3:, 5:])) == (5, 3)
    assert candidates.grid(saved) > candidates.grid(picture)
    _, saved = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 60])
    # One saving looks like two: the steps of quality 80 are half of those of 60.
    assert candidates.ghost(cv2.imdecode(saved, cv2.IMREAD_COLOR))[1] > 20
    still = cv2.cvtColor(cv2.resize(picture, (SIDE, SIDE)), cv2.COLOR_BGR2GRAY)
    bent = still.copy()
    bent[50:110, 50:110] = np.roll(still, 3, axis=0)[50:110, 50:110]
    whole = np.roll(still, 3, axis=0)
    assert candidates.flow_apart(still, bent) > candidates.flow_apart(still, whole) + 3
    opened = [0.3] * 20 + [0.1] * 3 + [0.3] * 20 + [0.1] + [0.3] * 6
    assert candidates.blinks(opened, 10.0)["blink_rate"] == 12


# --- pictures


def test_only_faces_with_the_licences_named_are_shown(measure, capsys):
    code, out = measure("contact_sheet", "--licence", "somebody else's")
    assert code == 2 and not out.exists()
    assert "name the licences of faces that may be, with --licence" in capsys.readouterr().err
    code, out = measure("contact_sheet", "--licence", "public domain")
    sheet = cv2.imread(str(out))
    assert code == 0 and sheet.shape[1] > 4 * 3 * 224


# --- detectors


def test_a_detector_is_scored_by_the_faces_it_finds_and_by_what_is_none():
    truth = np.array([[10, 10, 50, 50], [60, 60, 90, 90]], np.float32)
    scene = Scene(np.zeros((100, 100, 3), np.uint8), truth)
    assert score(lambda image: truth, [scene]) == "1.00"
    off = np.array([[12, 8, 52, 48], [0, 80, 10, 90]], np.float32)
    assert score(lambda image: off, [scene]) == "0.50 +1"
    assert score(lambda image: off[:0], [scene]) == "0.00"


def test_conditions_move_the_true_boxes_with_the_faces():
    image = made_media.astronaut()[:300, 80:380]
    scene = Scene(image, np.array([[90, 60, 210, 180]], np.float32))
    quarter = turned(scene, 90)
    left, top, right, bottom = quarter.boxes[0].astype(int)
    patch = np.rot90(image[60:180, 90:210])
    assert made_media.difference(patch, quarter.image[top:bottom, left:right]) < 15
    assert dark(scene, 0.15).image.mean() < 0.25 * image.mean()
    assert hits(scene.boxes[0], scene.boxes[0] + 8) and not hits(scene.boxes[0], quarter.boxes[0])


def test_originals_are_read_as_the_product_reads_them(face, tmp_path):
    image = np.vstack([face[0]] * 4)  # so large that serving reads it reduced at first
    image = cv2.resize(image, None, fx=3, fy=3)
    write(tmp_path / "tall.png", image)
    (whole,) = pictures(tmp_path, row("tall.png"), 1)
    (part,) = pictures(tmp_path, row("tall.png", part=(0.0, 0.5, 1.0, 1.0)), 1)
    assert whole.shape == image.shape and np.array_equal(part, image[len(image) // 2 :])
    write(tmp_path / "clip.mp4", face[0])
    assert len(pictures(tmp_path, row("clip.mp4"), FRAMES // 2)) == FRAMES // 2
    (tmp_path / "none.mp4").write_bytes(b"no clip at all")
    made_media.cut(tmp_path / "clip.mp4", 0.3, tmp_path / "cut.mp4")
    for name in ("none.mp4", "missing.mp4", "cut.mp4"):
        with pytest.raises(SetupError, match=f"The file {name} (is missing or damaged|cannot be)"):
            pictures(tmp_path, row(name, "video"), 1)


# --- what belongs to the model


def test_the_changed_area_of_a_manipulated_face_is_known_and_looked_for(faces, pipeline):
    classifier, val = pipeline.faces.classifier.of("video"), faces.of("val")
    blended = list(blends(val, classifier, 1))
    assert len({each.kind for each in blended}) == len(blended) == 6  # a region for each group
    swapped = list(swaps(val, classifier, 9))
    assert {each.kind for each in swapped} == {"swap"}
    real = {classifier.cut(f.image(), f.box).crop.tobytes() for f in val if not f.row.fake}
    for each in [*blended, *swapped]:
        assert each.mask.shape == each.cut.crop.shape[:2] and each.cut.crop.tobytes() not in real
    trials = judge(classifier, [*blended, *swapped])
    assert {"swap"} < {trial.kind for trial in trials}
    assert all(trial.values.shape == trial.mask.shape for trial in trials)


def test_precisions_that_lose_nothing_are_offered(measure, tmp_path):
    settings = load_settings(_env_file=None)
    described = json.loads(settings.model.with_suffix(".json").read_text())
    for member in described["members"]:
        member["precisions"] = ["f32"]
        path = tmp_path / member["file"]
        path.parent.mkdir(exist_ok=True)
        shutil.copyfile(settings.model.parent / member["file"], path)
    model = tmp_path / settings.model.name
    model.with_suffix(".json").write_text(json.dumps(described))
    code, out = measure("engines", "--model", str(model), "--offer")
    face, *others = rows_of(out.read_text(), "face")
    assert code == 0 and face[1] == "f32" and face[-1] == "yes"
    assert all(0.5 <= float(cell.split(",")[0]) <= 1 for cell in face[2:-4])
    passed = ["f32", *(each[1] for each in others if each[-1] == "yes")]
    offered = {m["name"]: m["precisions"] for m in json.loads(
        model.with_suffix(".json").read_text())["members"]}  # fmt: skip
    assert offered["face"] == passed
    of_pixels = rows_of(out.read_text(), "pixels")
    assert offered["pixels"] == [each[1] for each in of_pixels if each[-1] == "yes"]


def test_ranges_come_from_real_faces_of_val_through_the_product(measure, pipeline, tmp_path):
    into = tmp_path / "ranges.json"
    code, out = measure("signals", "--ranges", str(into))
    ranges, page = read_ranges(into), out.read_text()
    assert code == 0 and ranges.model == pipeline.faces.classifier.card.sha256
    assert {"sharpness_contrast", "landmark_jumps"} <= set(ranges.pictures)
    assert {"blending_boundary", "score_flicker"} == set(ranges.scores)
    assert ranges.repeatability["sharpness_contrast"] > 0
    low, high = ranges.pictures["sharpness_contrast"]
    table = page.partition("(`sharpness_contrast`)")[2].partition("##")[0]
    names = {line.split("|")[1].strip() for line in table.splitlines() if "| range |" in line}
    assert names == {"pictures of val", "pictures of val, after a loss", "clips of val"}
    assert low < high and "| pictures of dev-a | real | check | 4 |" in table
    assert all("| 0.0% |" in line for line in table.splitlines() if "| range |" in line)
