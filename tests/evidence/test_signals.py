"""Measured signals: each with its value, its range in real files, its moment; none made up."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from backend.analysis.pipeline import Pipeline
from backend.evidence.measurements import (
    fine_detail,
    flicker,
    jump,
    own_pixels,
    texture_variance,
    turned,
)
from backend.evidence.measurements import sharpness_contrast as contrast
from backend.evidence.signals import KINDS, of_person
from backend.evidence.usual_ranges import RANGES, Ranges, read_ranges
from backend.evidence.warnings import LOWEST_JPEG
from backend.faces.detector import FaceDetector
from backend.media import intake
from backend.media.decode import Decoder
from backend.records.observations import Face
from backend.report.schema import Report
from backend.settings import load_settings
from tests import made_media
from tests.made_observations import observed

OF_A_PICTURE = {"frequency_residue", "sharpness_contrast", "texture_variance"}


@pytest.fixture(scope="module")
def face() -> Face:
    return FaceDetector().detect(made_media.astronaut())[0]


def analyse(pipeline, settings, path):
    return pipeline.analyse(intake.check(path, path.name, settings), None)


def by_code(analysis) -> dict:
    return {signal.code: signal for signal in analysis.signals}


# --- the measures


def test_a_soft_face_before_sharp_surroundings_measures_softer(pipeline, face):
    picture = made_media.astronaut()
    soft = picture.copy()
    left, top, right, bottom = map(round, face.box)
    soft[top:bottom, left:right] = cv2.GaussianBlur(picture, (0, 0), 3)[top:bottom, left:right]
    cut = pipeline.faces.classifier.cut
    plain, changed = (contrast(cut(each, face.box).crop) for each in (picture, soft))
    assert changed < plain - 6


def test_fine_detail_and_texture_fall_with_blur_and_rise_with_noise(face):
    picture = made_media.astronaut()
    noise = np.random.default_rng(0).normal(0, 12, picture.shape)
    noisy = np.clip(picture + noise, 0, 255).astype(np.uint8)
    soft = cv2.GaussianBlur(picture, (0, 0), 1.5)
    for measured, least in ((fine_detail, 3), (texture_variance, 0.5)):
        low, plain, high = (measured(own_pixels(each, face)) for each in (soft, picture, noisy))
        assert low < plain - least and high > plain + least
    assert own_pixels(made_media.astronaut(128, 128), face) is None  # not wholly in the picture


def test_a_jump_is_what_moving_turning_and_growing_do_not_explain(face):
    angle, moved_points = np.radians(20), face.landmarks.copy()
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    rigid = Face(face.box, 0.9, (1.7 * face.landmarks @ turn + 40).astype(np.float32))
    moved_points[2, 0] += 0.2 * face.size  # the nose
    assert jump(face, rigid) < 0.1
    assert jump(face, Face(face.box, 0.9, moved_points)) > 5


def test_flicker_is_of_the_steps_and_not_of_a_slow_change():
    steady, restless = np.linspace(-3, 3, 32), np.tile([-1.0, 1.0], 16)
    assert flicker(np.diff(steady)) < 0.2 and flicker(np.diff(restless)) > 1.3


def test_a_nose_beside_the_eyes_is_turned(face):
    aside = face.landmarks.copy()
    aside[2, 0] += 0.6 * np.linalg.norm(aside[1] - aside[0])
    assert turned(Face(face.box, 0.9, aside)) > turned(face) + 30


# --- in a file


def test_every_signal_of_a_clip_has_value_range_moment_and_sentence(pipeline, settings, tmp_path):
    path = made_media.clip_of(
        tmp_path / "a.mp4", [made_media.filmed(made_media.astronaut(), n) for n in range(40)]
    )
    found = by_code(analyse(pipeline, settings, path))
    assert {*OF_A_PICTURE, "landmark_jumps", "dropped_frames"} <= set(found)
    for code, signal in found.items():
        low, high = signal.typical
        assert low <= high and signal.name and code in KINDS
        assert "{" not in signal.text and any(digit in signal.text for digit in "0123456789")
        if signal.track is not None:
            assert 0 <= signal.frame < 32 and 0 <= signal.time < 2
            assert "Person 1" in signal.text
    assert not found["dropped_frames"].unusual


def test_a_clip_with_a_gap_is_told_with_the_moment(pipeline, settings, tmp_path):
    times = [n / 25 for n in range(20)] + [2 + n / 25 for n in range(20)]
    gap = made_media.astronaut_clip(tmp_path / "gap.mkv", times=times)
    analysis = analyse(pipeline, settings, gap)
    signal = by_code(analysis)["dropped_frames"]
    assert signal.unusual and signal.time == pytest.approx(19 / 25, abs=0.05)
    assert signal.value == pytest.approx((2 - 19 / 25) * 25, rel=0.05)
    assert signal.text in analysis.anomalies


@pytest.mark.parametrize("code", ["landmark_jumps", "sharpness_contrast", "texture_variance"])
def test_unusual_is_what_lies_beyond_by_more_than_it_repeats_and_reads_otherwise(code):
    kind, typical = KINDS[code], (1.8, 7.0)
    for value, repeatability, unusual in [
        (7.01, 0.0, False),
        (7.3, 0.5, False),
        (7.3, 0.2, kind.ends != "low"),
        (1.6, 0.1, kind.ends != "high"),
        (1.6, 0.3, False),
        (1.79, 0.0, False),
    ]:
        assert kind.unusual(value, typical, repeatability) == unusual, value
        said = kind.text("A", value, typical)
        end = f"{typical[value > typical[1]]:.1f}"
        assert not unusual or f"{value:.1f}" in said and end in said


def test_a_signal_of_a_file_is_unusual_beyond_its_repeatability_alone(pipeline, settings, portrait):
    value = by_code(analyse(pipeline, settings, portrait))["sharpness_contrast"].value
    ranges = json.loads(RANGES.read_bytes())
    ranges["pictures"]["sharpness_contrast"] = [value - 9, value - 2]
    for repeatability, unusual in ((2.5, False), (1.5, True)):
        ranges["repeatability"] = {"sharpness_contrast": repeatability}
        faces = replace(pipeline.faces, ranges=Ranges.model_validate(ranges))
        other = Pipeline(settings, Decoder(settings), faces, pipeline.voice)
        analysis = analyse(other, settings, portrait)
        signal = by_code(analysis)["sharpness_contrast"]
        assert (signal.unusual, signal.repeatability) == (unusual, repeatability)
        assert (signal.text in analysis.anomalies) == unusual


def test_a_still_has_no_signal_that_needs_a_clip(pipeline, settings, portrait):
    found = by_code(analyse(pipeline, settings, portrait))
    assert set(found) >= OF_A_PICTURE
    assert not {"score_flicker", "landmark_jumps", "dropped_frames"} & set(found)


def test_moments_far_apart_are_no_jump():
    far_apart = observed([float(n % 2) for n in range(8)], spacing=20.0)
    assert not {"score_flicker", "landmark_jumps"} & set(of_person(far_apart))


# --- the ranges


def test_the_committed_ranges_hold_every_signal_and_this_model(pipeline):
    ranges = read_ranges()
    assert set(ranges.pictures) | set(ranges.scores) == set(ranges.repeatability) == set(KINDS)
    assert ranges.model == pipeline.faces.classifier.card.sha256
    assert "measure" in ranges.command and "signals" in ranges.command and ranges.notes
    page = (RANGES.parents[2] / "docs/measurements/signals.md").read_text()
    assert all(code in page for code in KINDS) and ranges.model[:12] in page


def test_ranges_of_other_weights_are_not_compared_with(pipeline, settings, portrait):
    others = Ranges.model_validate(json.loads(RANGES.read_bytes()) | {"model": "0" * 64})
    other = Pipeline(
        settings, Decoder(settings), replace(pipeline.faces, ranges=others), pipeline.voice
    )
    found = by_code(analyse(other, settings, portrait))
    assert found and "blending_boundary" not in found


# --- quality


@pytest.mark.parametrize(
    ("options", "warned"), [({"quality": LOWEST_JPEG - 20}, True), ({"quality": 90}, False)]
)
def test_strong_compression_of_a_photo_is_warned_of(client, tmp_path, options, warned):
    path = made_media.astronaut_jpeg(tmp_path / "a.jpg", **options)
    with path.open("rb") as file:
        report = client.post("/predict", data={"file": (file, path.name)}).get_json()
    Report.model_validate(report)
    codes = [entry["code"] for entry in report["quality"]]
    assert ("strong_compression" in codes) == warned


def test_strong_compression_of_a_clip_is_warned_of(pipeline, settings, tmp_path):
    poor = made_media.astronaut_clip(tmp_path / "a.mp4", seconds=8, gop=250, crf="51")
    codes = [warning.code for warning in analyse(pipeline, settings, poor).warnings]
    assert "strong_compression" in codes


@pytest.mark.parametrize("quality", [10, 30, 50, 75, 95])
def test_the_quality_of_a_jpeg_is_read_from_its_tables(tmp_path, quality):
    settings = load_settings(_env_file=None)
    path = made_media.astronaut_jpeg(tmp_path / "a.jpg", quality=quality)
    with Decoder(settings).open(intake.check(path, path.name, settings)) as clip:
        list(clip)
    assert abs(clip.facts.jpeg_quality - quality) <= 2
