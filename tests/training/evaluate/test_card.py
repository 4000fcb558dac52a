"""The card and its tables: all that was measured, in few and short sentences."""

import re

import pytest

from backend.models.calibration import Profiles, Reading, Thresholds
from backend.models.members import FaceNetwork, Readings, WindowNetwork
from backend.models.model_config import ModelConfig
from backend.training.evaluate import card
from backend.training.evaluate.markdown_tables import tables
from backend.training.evaluate.tables import evaluate
from tests.test_docs import LONGEST_SENTENCE, sentences
from tests.training.evaluate.answers import some
from tests.training_data import row

MOST_WORDS, MOST_OPEN = 2500, 1500  # of the card; of the page before its folds


def reading(real=0.1234, name="face"):
    ends = Thresholds(real=real, fake=0.9876)
    profiles = Profiles(strict=ends, balanced=ends, sensitive=ends)
    return Reading(weights={name: 1.0}, thresholds=profiles)


@pytest.fixture
def config():
    sha256 = "a" * 64
    face = FaceNetwork(
        name="face", file="temp_model.h5", sha256=sha256, input="face", input_size=224,
        heads=("manipulated", "generated"), margin=0.3,
        readings=Readings(video=reading(name="manipulated"), image=reading(name="generated")),
    )  # fmt: skip
    pixels = WindowNetwork(
        name="pixels", file="models/pixels.h5", sha256=sha256, input="windows", input_size=224,
        heads=("generated",), readings=Readings(image=reading(name="generated")),
    )  # fmt: skip
    readings = Readings(video=reading(), image=reading(real=None))
    return ModelConfig(name="two-members", members=(face, pixels), readings=readings)


@pytest.fixture
def document(config):
    """Of two splits, with as many families and sources as a large data folder has."""
    estimate = {"value": 0.9125, "low": 0.9, "high": 0.925}
    drops = {"JPEG 50": estimate, "half size": {**estimate, "value": 0.01}}
    rows = [
        row(f"{split}{number}", kind, f"page {number}", split=split, family=family,
            method=f"method {number}", licence="" if number else "CC BY 4.0")
        for split in ("train", "val", "dev-a", "dev-b")
        for kind in ("image", "video")
        for number, family in enumerate(["none", "swap", "edit", "gan", "lip-sync", "talking-head"])
    ]  # fmt: skip
    return {
        "model": {**config.facts, "profile": "balanced"},
        "command": "python -m backend evaluate DATA",
        "data": card.sources([*rows, rows[0]]),
        **evaluate([*some("val"), *some("dev-b")], resamples=10),
        "robustness": [
            {"kind": kind, "condition": condition, "faces": 90, "auc": estimate, "drop": drop}
            for kind in ("video", "image")
            for condition, drop in drops.items()
        ],
    }  # fmt: skip


@pytest.fixture
def text(document, config, tmp_path):
    (tmp_path / "signals.md").write_text("<!-- x -->\n# Measured signals\n")
    return card.render(document, config, tmp_path)


def is_whole(text):
    """Whether every table has as many cells in each row."""
    for block in re.findall(r"(?:^\|.*\|$\n?)+", text, flags=re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1, block
    return "None" not in text and "Undefined" not in text


def test_the_card_opens_with_how_often_right_wrong_and_silent(text):
    opening = text.partition("<details>")[0]
    assert "| Real clips | 10.0% | 10.0% | 80.0% |" in opening
    assert "neither training nor the thresholds saw" in opening and "`dev-b`" in opening
    assert "no face (1)" in opening
    assert "Real pictures are never called Real" in opening and "clips and pictures" not in opening


def test_the_card_is_short_and_its_sentences_too(text):
    assert len(text.split()) <= MOST_WORDS
    unfolded = re.sub("<details>.*?</details>", "", text, flags=re.DOTALL)
    assert len(unfolded.split()) <= MOST_OPEN
    for sentence in sentences(text):
        assert len(sentence.split()) <= LONGEST_SENTENCE, sentence
    assert is_whole(text)


def test_the_card_tells_what_the_model_is_and_how_it_was_made(text, config, document):
    assert config.sha256 in text and "margin of 30 %" in text and "models/pixels.h5" in text
    assert "clips | balanced | 12.34% | 98.76% |" in text
    assert "pictures | balanced | never | 98.76% |" in text
    assert "1 real and 5 manipulated clips, 2 real and 5 manipulated\npictures" in text
    assert "6 sources and 5 methods" in text and "5 of these sources state no licence" in text
    assert "0.3 % (`strict`), 1 % (`balanced`), 5 % (`sensitive`)" in text
    assert 'Faces in clips lose most by "JPEG 50"' in text
    assert "| learning rate |" in text  # of the recipes of members with these names
    assert "[Measured signals](measurements/signals.md)" in text
    assert document["command"] in text


def test_a_model_of_ones_own_has_a_card(document, config, tmp_path):
    face = config.members[0].model_copy(update={"name": "mine"})
    own = Readings(video=reading(name="mine"), image=reading(name="mine"))
    alone = ModelConfig(name="x", members=(face,), readings=own)
    text = card.render(document | {"robustness": []}, alone, tmp_path)
    assert "one member" in text and "recipe" not in text.replace("and the recipes", "")
    assert "never called Real:" not in text and "Not measured in a quick run" in text
    assert is_whole(text)


def test_the_tables_hold_every_split_method_and_source(document):
    text = tables(document)
    for words in (
        "## val: other files of the methods and sources of training",
        "| dev-b swap | clips | 20 | 75.0%",
        "| studio | pictures | 20 |",
        "| JPEG 50 | clips | 90 | 0.912 (0.900–0.925) |",
        "## Files that scored alike",
        "Files without an answer, val: no face (1).",
    ):
        assert words in text, words
    assert is_whole(text)
    assert "lost quality" not in tables(document | {"robustness": []})


def test_every_source_is_listed_with_its_terms(document):
    text = card.sources_page(document)
    assert "| page 0 | real | – | CC BY 4.0 | 3 | 2 | 2 | 2 |" in text
    assert "| page 1 | fake | method 1 | not stated | 2 | 2 | 2 | 2 |" in text
    assert is_whole(text)


def test_a_name_with_a_bar_breaks_no_table():
    rows = [row("a", source="one | two", split="train")]
    text = card.sources_page({"command": "x", "data": card.sources(rows)})
    assert "| one / two | real |" in text and is_whole(text)
