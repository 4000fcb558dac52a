"""What is counted of the product's answers, against known ones."""

import pytest

from backend.training.evaluate.tables import evaluate
from tests.training.evaluate.answers import answer, refused, some

REAL = {"split": "dev-b", "kind": "image", "source": "studio"}
SWAP = {"split": "dev-b", "kind": "image", "source": "page", "family": "swap", "method": "Swapper"}
GAN = {**SWAP, "family": "gan", "method": "Generator"}


def line(document, name, split="dev-b"):
    [row] = [r for r in document["people"] if (r["name"], r["split"]) == (name, split)]
    return row


def test_files_are_right_wrong_or_silent_and_what_could_not_be_judged_is_none_of_it():
    document = evaluate(
        [
            answer("Real", 0.1, **REAL),
            answer("Fake", 0.9, **REAL),
            answer("Inconclusive", 0.4, "real", **REAL),
            answer("Inconclusive", 0.6, "fake", **REAL),
            answer("Inconclusive", 0.5, None, **REAL),
            refused("no_face", **REAL),
            answer("Fake", 0.9, **SWAP),
            answer("Real", 0.1, **SWAP),
            answer("Fake", 0.9, **GAN),
        ],
        resamples=10,
    )
    real, edited = line(document, "Real pictures"), line(document, "Edited pictures")
    assert (real["files"], real["unjudged"], real["kind"]) == (6, 1, "image")
    shares = [real[name]["value"] for name in ("right", "wrong", "silent")]
    assert shares == pytest.approx([0.2, 0.2, 0.6])
    assert real["leaning_right"]["value"] == 0.5  # of the two that lean
    assert edited["right"]["value"] == edited["wrong"]["value"] == 0.5
    assert edited["leaning_right"] is None  # none is silent
    assert line(document, "Generated pictures")["right"]["value"] == 1
    assert not [row for row in document["people"] if "clips" in row["name"]]
    assert document["refused"] == [{"split": "dev-b", "problem": "no_face", "files": 1}]


def test_each_family_stands_beside_the_real_files_of_its_kind_and_split():
    document = evaluate([*some("val"), *some("dev-b")], resamples=10)
    rows = {(row["split"], row["kind"], row["family"]): row for row in document["sets"]}
    assert set(rows) == {
        (split, kind, family)
        for split in ("val", "dev-b")
        for kind, own in (("video", "swap"), ("image", "text-to-image"))
        for family in (own, "all")
    }
    swaps = rows["dev-b", "video", "swap"]
    assert (swaps["real"], swaps["fake"]) == (20, 20)
    assert 0.5 < swaps["auc"]["value"] < 1 and swaps["auc"]["low"] <= swaps["auc"]["high"]
    said = [swaps[name]["value"] for name in ("called_fake", "called_real", "undecided")]
    assert said == pytest.approx([0.75, 0, 0.25])


def test_methods_and_sources_stand_by_themselves():
    document = evaluate(some(), resamples=10)
    methods = {row["name"]: row for row in document["methods"]}
    assert set(methods) == {"dev-b swap", "dev-b text-to-image"}
    assert methods["dev-b swap"]["files"] == 20
    sources = {(row["name"], row["kind"]): row for row in document["sources"]}
    assert sources["studio", "video"]["called_real"]["value"] == pytest.approx(0.1)


def test_files_that_scored_alike_are_of_the_last_split_with_both_labels_as_frequent():
    document = evaluate([*some("val"), *some("dev-b")], resamples=10)
    bins = document["bins"]["image"]
    assert sum(row["files"] for row in bins) == 40  # none of val
    assert bins[0]["fake"] == 0 and bins[-1]["fake"] > 0.9
    assert [row["low"] for row in bins] == sorted(row["low"] for row in bins)
    # Twice as many real files change nothing.
    more = [each for each in some("dev-b") if not each.row.fake]
    shares = [row["fake"] for row in evaluate([*some(), *more], resamples=10)["bins"]["image"]]
    assert shares[0] == 0 and sum(shares) / len(shares) == pytest.approx(0.5, abs=0.1)


def test_without_an_answer_there_is_nothing_to_tell():
    document = evaluate([refused("missing", **REAL)], resamples=10)
    [row] = document["people"]
    assert row["right"] is None and row["unjudged"] == 1
    assert document["sets"] == [] and document["bins"]["image"] == []
