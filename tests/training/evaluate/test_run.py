"""Evaluation on a tiny real data folder, and the numbers in it against known answers."""

import csv
import io
import json
import subprocess
import sys
import tarfile
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from backend.faces.detector import FaceDetector
from backend.faces.mesh import FaceMesh
from backend.settings import ROOT
from backend.training.augment import degrade
from backend.training.augment.blend import blend
from backend.training.augment.conditions import CONDITIONS, GRID, TURNED
from backend.training.calibrate import calibrate
from backend.training.data.index import Sample
from backend.training.evaluate import metrics
from backend.training.evaluate.leakage import shortcuts
from backend.training.evaluate.metrics import Scored
from backend.training.evaluate.predictions import draw, score
from backend.training.measure import head_fusion, pooling
from backend.training.measure.pooling_page import page
from backend.training.measure.simulated_clips import Looks, scenarios, simulate
from backend.training.recipe import Mix
from tests import made_media


@pytest.fixture(scope="module")
def face():
    """A picture, the box of its face and its landmarks."""
    image = made_media.astronaut()[:300, 80:380].copy()
    found = FaceDetector().detect(image)[0]
    return image, found.box, FaceMesh().landmarks(image, found)[0]


def jpeg(image, quality=95):
    return cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


@pytest.fixture(scope="module")
def data(tmp_path_factory, face):
    """Pairs and stills in train and val; in dev a speaker of five frames and a studio."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "faces").mkdir()
    rng = np.random.default_rng(0)
    plan = [
        (archive, source, split, f"{source}:{split}{number}", licence)
        for split in ("train", "val")
        for archive, source, licence in (
            ("dfdc.tar", "dfdc", "DFDC terms (research)"),
            ("stills.tar", "portraits", "SFHQ-T2I MIT"),
        )
        for number in range(3)
    ]
    plan += [("timit.tar", "speakers", "dev", "speakers:one", "research")] * 5
    plan += [("stills.tar", "studio-dev", "dev", f"studio-dev:{n}", "private") for n in range(2)]
    rows, files = [], {}
    for number, (archive, source, split, group, licence) in enumerate(plan):
        image = cv2.convertScaleAbs(face[0], alpha=rng.uniform(0.7, 1.1))
        fake = blend(image, face[2], rng)[0]
        for label, picture in (("real", image), ("fake", fake)):
            name = f"{source}/{label}/{split}{number}.jpg"
            files.setdefault(archive, []).append((name, jpeg(picture)))
            rows.append([archive, name, label, source, "none", split, group, licence])
    rows.append(["dfdc.tar", "dfdc/real/lost.jpg", "real", "dfdc", "none", "val", "dfdc:x", ""])
    files["dfdc.tar"].append(("dfdc/real/lost.jpg", b"no picture"))
    for archive, members in files.items():
        with tarfile.open(folder / "faces" / archive, "w") as tar:
            for name, content in members:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    columns = ["archive", "file", "label", "source", "generator", "split", "group", "licence"]
    with (folder / "faces" / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return folder


@pytest.fixture(scope="module")
def evaluated(data, tmp_path_factory):
    """One quick run of the command: what it printed, its JSON, and the folder of the card."""
    docs = tmp_path_factory.mktemp("docs")
    (docs / "measurements").mkdir()
    ablations = [{"name": "plain", "purpose": "no blends", "results": {"val dfdc": 0.875}}]
    left_out = {"phone": {"faces": 40, "called_fake": 0.025}}
    ablations.append(ablations[0] | {"purpose": "no phones", "strangers": left_out})
    (docs / "measurements" / "ablations.json").write_text(json.dumps(ablations))
    out = docs / "e.json"
    done = subprocess.run(
        [
            sys.executable, "-m", "backend", "evaluate", str(data), "--quick", "--runs",
            str(docs / "runs"), "--out", str(out), "--card", str(docs / "MODEL_CARD.md"),
        ],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, json.loads(out.read_text()), docs


def test_every_set_has_its_numbers_with_intervals_and_coverage(evaluated):
    printed, document, _ = evaluated
    sets = {row["name"]: row for row in document["sets"]}
    assert "| val dfdc | 3 | 3 | 85.7% |" in printed  # the unreadable file counts against it
    assert "| val dfdc, as pictures | 3 | 3 | 85.7% |" in printed
    assert "Unreadable: 1\n  dfdc.tar/dfdc/real/lost.jpg" in printed
    assert sets["val all"]["real"] == 6 and sets["val all"]["groups"] == 6
    for name in ("auc", "eer", "ap", "tpr_at_1_fpr", "ece", "brier"):
        found = sets["val dfdc"][name]
        assert 0 <= found["low"] <= found["high"] <= 1 and 0 <= found["value"] <= 1, name
    assert sets["dev studio-dev"]["real_called_fake"]["high"] > 0.5  # two faces prove nothing


def test_frames_of_a_group_are_one_clip_and_stay_out_of_the_frame_table(evaluated):
    _, document, _ = evaluated
    (clip,) = document["clips"]
    assert (clip["real"], clip["fake"], clip["groups"]) == (1, 1, 1)
    assert {r["name"]: r for r in document["sets"]}["dev speakers"]["real"] == 5


def test_pictures_are_turned_about_the_middle_of_their_face(face, pipeline):
    image, box, _ = face
    middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    pictures = image, degrade.turn(30.0, middle, cubic=True)(image)
    plain, turned = (SimpleNamespace(image=lambda p=p: p, box=box) for p in pictures)
    outputs = score(pipeline.faces.classifier, [plain], tilt=30.0)[0]
    assert outputs == pytest.approx(score(pipeline.faces.classifier, [turned])[0], abs=1e-3)
    assert np.abs(outputs - score(pipeline.faces.classifier, [plain])[0]).max() > 0.1


def test_each_real_source_stands_by_itself_under_each_condition(evaluated):
    _, document, _ = evaluated
    rows = {(r["split"], r["source"], r["condition"]): r for r in document["real_faces"]}
    assert {key[2] for key in rows} == set(CONDITIONS)
    assert rows["val", "portraits", "JPEG 30"]["faces"] == 3
    assert rows["dev", "speakers", "quarter size"]["groups"] == 1
    grid = {(r["set"], r["condition"]): r for r in document["robustness"]}
    assert len(grid) == 2 * (1 + len(GRID) + len(TURNED))
    assert grid["val dfdc", "as it is"]["drop"]["value"] == 0


def test_the_card_tells_all_of_it(evaluated):
    _, document, docs = evaluated
    card = (docs / "MODEL_CARD.md").read_text()
    for heading in (
        "Intended use", "Data", "Recipe", "Single faces", "Clips", "Real faces first", "Robustness",
        "Calibration", "Shortcuts", "What each part of the recipe gives", "Where it looked",
        "Failures", "Environment",
    ):  # fmt: skip
        assert f"\n## {heading}\n" in card
    assert document["model"]["sha256"] in card and "swap = " in card
    assert "| no phones | phone | 40 | 2.5% |" in card
    assert "| no blends | 0.875 |" in card and "python -m backend evaluate DATA" in card
    assert str(docs) not in card, "a place on this machine"
    for line in card.splitlines():
        assert not line.startswith("|") or line.endswith("|"), line


def test_only_sources_that_may_be_shown_are_shown(evaluated):
    _, _, docs = evaluated
    card = (docs / "MODEL_CARD.md").read_text()
    if (docs / "failures.jpg").exists():
        assert "SFHQ-T2I MIT.\n" in card.split("## Failures")[1]
    assert "private" not in card.split("## Failures")[1]


def scored(fake, logits, groups=None):
    groups = np.arange(len(fake)) if groups is None else groups
    return Scored(np.array(fake, bool), logits, 1 / (1 + np.exp(-logits)), groups)


def some_scores(count=300, seed=0):
    rng = np.random.default_rng(seed)
    fake = np.arange(count) % 2 == 1
    return fake, np.round(rng.normal(1.5 * fake - 0.75, 1.0), 1)  # rounded, so that there are ties


def test_resampled_ranking_is_that_of_scikit_learn():
    fake, logits = some_scores()
    rng = np.random.default_rng(1)
    weights = np.concatenate([np.ones((1, 300)), rng.integers(0, 4, (3, 300))]).astype(np.float32)
    found = scored(fake, logits).ranking(weights)
    for row, weight in enumerate(weights):
        times = np.repeat(np.arange(300), weight.astype(int))
        assert found["auc"][row] == pytest.approx(roc_auc_score(fake[times], logits[times]))
        assert found["ap"][row] == pytest.approx(
            average_precision_score(fake[times], logits[times])
        )
    point = metrics.measure(scored(fake, logits), 10)
    assert point["eer"].value == pytest.approx(found["eer"][0])
    assert point["tpr_at_1_fpr"].value == pytest.approx(found["tpr_at_1_fpr"][0])


def test_repeating_the_frames_of_a_group_proves_nothing_more():
    fake, logits = some_scores(100)
    once = metrics.measure(scored(fake, logits), 400)["auc"]
    repeated = scored(np.repeat(fake, 8), np.repeat(logits, 8), np.repeat(np.arange(100), 8))
    clustered = metrics.measure(repeated, 400)["auc"]
    assert clustered.high - clustered.low == pytest.approx(once.high - once.low, rel=0.02)
    assert metrics.share(np.zeros(800, bool), np.repeat(np.arange(100), 8)).high > 0.03


def test_an_honest_probability_has_a_small_calibration_error():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 4000)
    fake = rng.random(4000) < 1 / (1 + np.exp(-logits))
    honest = metrics.measure(scored(fake, logits), 50)["ece"]
    boastful = metrics.measure(scored(fake, 3 * logits), 50)["ece"]
    assert honest.value < 0.03 < 0.1 < boastful.low


def test_a_draw_keeps_pairs_whole_and_sources_even():
    samples = [
        SimpleNamespace(archive="dfdc.tar", source="dfdc", fake=fake, group=f"g{i}")
        for i in range(100)
        for fake in (False, True)
    ]
    samples += [
        SimpleNamespace(archive="stills.tar", source=source, fake=False, group=f"{source}{i}")
        for source, count in (("small", 20), ("large", 300))
        for i in range(count)
    ]
    chosen = [samples[i] for i in draw([True] * len(samples), samples, 60)]
    pairs = [s.group for s in chosen if s.archive == "dfdc.tar"]
    assert len(pairs) == 30 and all(pairs.count(group) == 2 for group in pairs)
    assert (
        sum(s.source == "small" for s in chosen) == sum(s.source == "large" for s in chosen) == 15
    )


OWN = {"archive": "a", "split": "val", "kind": "image"}


def test_the_fake_threshold_allows_for_a_camera_it_has_not_seen():
    def threshold(means):
        rng = np.random.default_rng(0)
        rows, logits = [], []
        for source, mean in (*means.items(), ("swaps", 4.0)):
            fake = source == "swaps"
            rows += [SimpleNamespace(fake=fake, source=source, **OWN)] * 1000
            logits += list(rng.normal(mean, 1.0, 1000))
        sharp = np.full(len(rows), 200.0)
        outputs = dict.fromkeys(CONDITIONS, np.array(logits)[:, None, None])
        found = calibrate("image", rows, outputs, dict.fromkeys(CONDITIONS, sharp))
        logit = np.log(found.threshold_fake / (1 - found.threshold_fake))
        return (logit - found.bias) * found.temperature  # as a raw logit

    alike = threshold({"a": 0.0, "b": 0.0, "c": 0.0})
    apart = threshold({"a": -1.5, "b": -0.75, "c": 0.0})  # none of them is worse than before
    assert alike > 2.2 and apart > alike + 0.3


def test_what_soft_faces_cannot_show_counts_in_sharp_ones_alone():
    """The second output knows generated faces by their detail; in soft faces it says anything."""
    rng = np.random.default_rng(0)
    rows, outputs, sharp = [], [], []
    for source, fake, means, softness in (
        ("sharp", False, (-2, -3), (100, 300)), ("drawn", True, (-2, 3), (100, 300)),
        ("soft", False, (-2, 0), (6, 15)), ("swaps", True, (2, 0), (6, 300)),
    ):  # fmt: skip
        rows += [SimpleNamespace(fake=fake, source=source, **OWN)] * 1000
        spread = 3.0 if source in ("soft", "swaps") else 1.0
        outputs.append(rng.normal(means, (1.0, spread), (1000, 2)))
        sharp.append(rng.uniform(*softness, 1000))
    outputs, sharp = np.concatenate(outputs)[:, None], np.concatenate(sharp)
    found = calibrate(
        "image", rows, dict.fromkeys(CONDITIONS, outputs), dict.fromkeys(CONDITIONS, sharp)
    )
    (first_soft, _), (second_soft, second_sharp) = found.heads
    assert second_soft == 0 < min(first_soft, second_sharp)
    said = found.probabilities(found.logits(outputs, sharp))
    for members in (slice(0, 1000), slice(2000, 3000)):
        assert (said[members] >= found.threshold_fake).mean() <= 0.011
    assert found.is_soft(10) and not found.is_soft(200)


def test_ways_to_read_pictures_are_compared_on_the_same_faces():
    """Soft video of another camera looks generated: weighing by sharpness sees through that."""
    rng = np.random.default_rng(0)
    rows, outputs, sharp = [], [], []
    for split, archive, source, fake, means, softness in (
        ("val", "dfdc.tar", "dfdc", False, (-3, -3), (15, 60)),
        ("val", "dfdc.tar", "dfdc", True, (3, -3), (15, 60)),
        ("val", "stills.tar", "ffhq", False, (-3, -3), (100, 300)),
        ("val", "stills.tar", "sdxl", True, (-3, 3), (100, 300)),
        ("dev", "timit.tar", "deepfaketimit", False, (-1, 3), (15, 30)),
        ("dev", "timit.tar", "deepfaketimit", True, (2, 3), (15, 30)),
    ):
        rows += [
            SimpleNamespace(split=split, archive=archive, source=source, fake=fake, kind="image")
        ] * 300
        outputs.append(rng.normal(means, 1, (300, 2)))
        sharp.append(rng.uniform(*softness, 300))
    outputs = dict.fromkeys(CONDITIONS, np.concatenate(outputs)[:, None])
    found = head_fusion.compare(rows, outputs, dict.fromkeys(CONDITIONS, np.concatenate(sharp)))
    auc = {row["way"]: row["auc"]["dev deepfaketimit"] for row in found}
    [served] = [way for way in auc if "as served" in way]
    assert auc["one or the other (noisy or)"] < 0.9 < auc[served]
    assert max(row["real"]["val ffhq"] for row in found) < 0.02
    text = head_fusion.page(found, "model")
    assert text.count(served) == 4 and f"| {auc[served]:.3f} |" in text


def test_no_output_speaks_against_a_fake():
    rng = np.random.default_rng(0)
    fake = np.arange(4000) % 2 == 1
    rows = [SimpleNamespace(fake=bool(f), source="swaps" if f else "real", **OWN) for f in fake]
    outputs = np.stack([np.where(fake, 2, -2), np.where(fake, -1, 1)], 1) + rng.normal(
        size=(4000, 2)
    )
    sharp = rng.uniform(10, 300, 4000)
    found = calibrate(
        "image", rows, dict.fromkeys(CONDITIONS, outputs[:, None]), dict.fromkeys(CONDITIONS, sharp)
    )
    assert min(found.heads[0]) > 0.5 and found.heads[1] == (0, 0)


@pytest.fixture(scope="module")
def portraits(face):
    """Sixteen real faces, and as many that are told by their softness alone."""
    rng = np.random.default_rng(0)
    samples = []
    for number in range(16):
        real = cv2.convertScaleAbs(face[0], alpha=rng.uniform(0.7, 1.1))
        for fake, image in ((False, real), (True, cv2.GaussianBlur(real, (0, 0), 4))):
            samples.append(
                Sample(
                    f"{number}", "stills.tar", fake, "soft" if fake else "sharp", "", "train",
                    f"{number}", "", jpeg(image), face[1], face[2],
                )
            )  # fmt: skip
    return samples


def test_a_shortcut_in_what_the_network_is_fed_is_found(portraits):
    recipe = SimpleNamespace(
        mix=Mix(swap=0, blend_video=0, blend_still=0, cross=0, generated=1),
        size=96, margin=0.1, seed=0, untouched=1.0, redraw=0.0,
    )  # fmt: skip
    rows = shortcuts(portraits, recipe, 64)
    auc = {row["statistic"]: row["auc"] for row in rows if row["kind"] == "generated"}
    assert auc["whole: sharpness"] < 0.02 and auc["whole: JPEG bytes"] < 0.1
    assert 0.35 < auc["whole: brightness"] < 0.65
    assert auc["whole: all together"] > 0.95


def test_the_looks_of_a_simulated_clip_differ_and_the_clip_repeats(portraits, pipeline):
    first, second = (simulate(pipeline.faces.classifier, portraits[:2], 4, 2) for _ in range(2))
    assert first.good.shape == (2, 4, 2) and first.bad.shape == (2, 2, 2)
    assert np.array_equal(first.good, second.good) and first.good.std(axis=1).min() > 0
    assert np.abs(first.good[..., 0] - first.good[..., 1]).min() > 0


def test_the_pooling_that_serves_finds_a_part_and_is_not_swung():
    rng = np.random.default_rng(0)
    level = rng.normal(0, 1.0, (2, 60, 1)) + np.array([-1.5, 1.5])[:, None, None]
    real, fake = (
        Looks(
            (each + rng.normal(0, 0.4, (60, 32)))[..., None].repeat(2, axis=-1),
            (each + rng.normal(0, 1, (60, 8)))[..., None].repeat(2, axis=-1),
        )
        for each in level
    )
    rows = {
        (r["pool"], r["case"]): r for r in pooling.compare(scenarios(real, fake), pooling.pools())
    }
    served, plain = (
        {case: row for (name, case), row in rows.items() if name == which}
        for which in (pooling.SERVED, "trimmed mean")
    )
    part, whole, spikes = "a quarter swapped", "whole clip", "3 looks at +6"
    assert served[part]["auc"] > plain[part]["auc"] + 0.05
    assert served[whole]["auc"] > plain[whole]["auc"] - 0.005
    assert served[spikes]["alarms"] < 0.15 < rows["mean of the top quarter", spikes]["alarms"]


def test_the_page_on_pooling_holds_every_way_and_case(pipeline):
    rng = np.random.default_rng(0)
    real, fake = (
        Looks(rng.normal(level, 1, (6, 16, 2)), rng.normal(0, 1, (6, 8, 2))) for level in (-2, 2)
    )
    cases = scenarios(real, fake)
    rows = pooling.compare(cases, pooling.pools())
    text = page(
        {
            "command": "measure", "clips": 6, "looks": 16, "within": 1.0, "between": 0.1,
            "alarms": 0.05, "pools": rows, "speakers": [],
            "answers": pooling.answers(cases, pipeline.faces.classifier.calibration),
            "whole": [
                {
                    "file": "a.mp4", "label": "real", "prediction": "Inconclusive",
                    "probability_fake": None, "looks": 0, "spread": None,
                }
            ],
        }
    )  # fmt: skip
    for word in (*cases, *pooling.pools(), "| a.mp4 | real | Inconclusive | – | 0 | – |"):
        assert word in text
