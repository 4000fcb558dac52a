"""What is told of the measured errors: the right files, the right model, no more than was seen."""

import json

import pytest

from backend.report.error_rates import Rates, how_often, load
from tests import measurements

FACTS = {"sha256": "a" * 64, "members": [], "profile": "balanced"}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "evaluate.json"
    path.write_text(json.dumps(measurements.document(FACTS)))
    return path


def test_each_kind_of_file_has_its_lines_of_the_unseen_split(path):
    measured = load(path, FACTS)
    pictures, clips = measured.of("a" * 64, "image"), measured.of("a" * 64, "video")
    assert [line.name for line in pictures.lines] == ["Real pictures", "Generated pictures"]
    assert pictures.lines[0][1:] == (40, 0.625, 0.125, 0.25)  # not those of val; 2 were not judged
    assert pictures.lines[1].right is None
    assert [line.name for line in clips.lines] == ["Real clips"]


def test_another_model_reading_or_profile_is_told_nothing(path):
    for change in ({"sha256": "b" * 64}, {"members": ["more"]}, {"profile": "strict"}):
        facts = FACTS | change
        assert load(path, facts).of(facts["sha256"], "image") is None, change
    assert load(path, FACTS).of("b" * 64, "image") is None


def test_without_a_file_nothing_is_told(path, tmp_path):
    assert load(tmp_path / "none.json", FACTS).of("a" * 64, "image") is None
    assert "was not measured for this model" in how_often(None, 0.5, real=False)
    assert "was not measured for this model" in how_often(Rates(()), 0.5, real=False)


def test_files_that_were_measured_on_what_training_saw_are_told_nothing_of(path):
    document = measurements.document(FACTS)
    document["people"] = [row | {"split": "val"} for row in document["people"]]
    path.write_text(json.dumps(document))
    assert load(path, FACTS).kinds == {}


def test_a_score_is_told_with_its_share_of_the_files_that_scored_alike(path):
    rates = load(path, FACTS).of("a" * 64, "image")
    said = how_often(rates, 0.7, real=False)
    assert said.startswith("Of 100 files that scored like this in our tests, about 89 were manip")
    assert "seen none of their methods and sources" in said
    assert "about 97 were real" in how_often(rates, 0.05, real=True)
    # Between two bins the higher one is told, which holds more fakes.
    assert how_often(rates, 0.3, real=False) == said


def test_of_scores_that_no_test_file_had_nothing_is_told(path):
    rates = load(path, FACTS).of("a" * 64, "image")
    for p in (0.001, 0.97):
        assert how_often(rates, p, real=p < 0.5) == "No file in our tests scored like this."
    # The outermost files lie within their bins, as probabilities are told with four digits.
    for p in (0.01, 0.5, 0.95):
        assert "No file" not in how_often(rates, p, real=False)
