"""What is told of the measured errors: the right files, the right model, no more than was seen."""

import json

import pytest

from backend.report.bands_in_words import how_often, in_words
from backend.report.error_rates import Rates, load
from backend.wording import of_hundred
from tests import measurements

FACTS = {"sha256": "a" * 64, "members": [], "profile": "balanced"}


def band(kind, low, high):
    return {"kind": kind, "low": low, "high": high}


BANDS = [band("real", 0, 0.2), band("unsure", 0.2, 0.5), band("fake", 0.5, 1)]


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
    assert "was not measured for this model" in how_often(BANDS, 0.5, None)
    assert "was not measured for this model" in how_often(BANDS, 0.5, Rates(()))


def test_files_that_were_measured_on_what_training_saw_are_told_nothing_of(path):
    document = measurements.document(FACTS)
    document["people"] = [row | {"split": "val"} for row in document["people"]]
    path.write_text(json.dumps(document))
    assert load(path, FACTS).rates == {}


def test_each_band_is_told_with_its_errors_in_the_test(path):
    rates = load(path, FACTS).of("a" * 64, "image")
    real, between, fake = in_words(BANDS, 0.7, rates)
    assert [band.here for band in (real, between, fake)] == [False, False, True]
    assert (real.name, between.name, fake.name) == ("Real", "Undecided", "Fake")
    # 98 files a bin, of which 2 % and 90 % were manipulated: Wilson's intervals, in hundredths.
    assert real.errors == "1 to 7 were manipulated"
    assert fake.errors == "5 to 18 were real"
    assert between.errors == "not measured"  # no file scored there
    said = how_often(BANDS, 0.7, rates)
    assert said == "Of 100 files with this answer in our tests, 82 to 95 were manipulated."
    assert "1 to 7 were manipulated all the same" in how_often(BANDS, 0.05, rates)


def test_a_band_that_no_test_file_lies_in_is_told_so(path):
    rates = load(path, FACTS).of("a" * 64, "image")
    edge = [band("real", 0, 0.97), band("fake", 0.97, 1)]
    assert how_often(edge, 0.98, rates) == "No file in our tests scored like this."
    # A band counts its part of a bin, as if the files lay evenly in it.
    half = [band("real", 0, 0.725), band("fake", 0.725, 1)]
    wide, narrow = rates.manipulated(0.5, 0.96), rates.manipulated(0.725, 0.96)
    assert narrow[0] < wide[0] < wide[1] < narrow[1]  # fewer files, so less is known
    assert how_often(half, 0.9, rates).endswith("78 to 96 were manipulated.")


def test_of_a_hundred_it_is_never_none_and_never_all():
    assert of_hundred(0.001, 0.031) == "at most 3" and of_hundred(0, 0) == "at most 1"
    assert of_hundred(0.961, 0.999) == "at least 96" and of_hundred(1, 1) == "at least 99"
