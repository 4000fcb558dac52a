"""Answers of the product that were never given, for trying what is made of them."""

from backend.records.results import Reason, Verdict
from backend.training.evaluate.files import Answer
from tests.training_data import row


def answer(prediction, probability, leaning=None, problem=None, **fields):
    """What was said of a file of the index with these fields."""
    reasons = (Reason(problem or "undecided", ""),)
    said = Verdict(prediction, probability, None, reasons, (), 0, leaning, leaning and 3.0)
    answer.number += 1
    return Answer(row(f"{answer.number}.jpg", **fields), said, problem)


answer.number = 0


def refused(problem, **fields):
    """A file without a score."""
    return answer("Inconclusive", None, problem=problem, **fields)


def some(split="dev-b"):
    """Pictures and clips of a split: of each twenty real ones and twenty fakes."""
    real = {"split": split, "source": "studio"}
    found = [refused("no_face", **real)]
    for kind, family in (("video", "swap"), ("image", "text-to-image")):
        for number in range(20):
            p = round(0.02 + 0.045 * number, 4)
            low, high = p < 0.1, p > 0.8
            word = "Real" if low else "Fake" if high else "Inconclusive"
            side = ("real" if p < 0.5 else "fake") if word == "Inconclusive" else None
            found.append(answer(word, p, side, kind=kind, **real))
            made = {"family": family, "method": f"{split} {family}", "source": "page"}
            word = "Fake" if number > 4 else "Inconclusive"
            side = "real" if word == "Inconclusive" else None
            found.append(answer(word, min(0.99, p + 0.3), side, kind=kind, split=split, **made))
    return found
