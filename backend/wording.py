"""How numbers and answers are written, on the pages, in the PDF and on the pictures alike."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from math import floor, log

SPACE = "\N{NO-BREAK SPACE}"
# Explicit directions could make a file name swallow or reorder the words around it.
DIRECTIONS = dict.fromkeys([0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])


def percent(p: float) -> str:
    """A probability in percent; no rounding to certainty: nothing is ever 0 % or 100 %.

    Near both ends, where the thresholds lie, with one decimal; thresholds are written `exact`, as
    rounded alike a score and the threshold that it misses would look the same.
    """
    if p >= 0.995:
        return f"over 99{SPACE}%"
    if p < 0.005:
        return f"under 1{SPACE}%"
    step = Decimal(1 if 0.1 <= p < 0.9 else "0.1")
    # Ties go up, as in static/words.js: `format` would send half of them down.
    return f"{Decimal(100 * p).quantize(step, ROUND_HALF_UP)}{SPACE}%"


def exact(p: float) -> str:
    """A threshold in percent, with up to two decimals."""
    return f"{round(100 * p, 2):g}{SPACE}%"


def of_hundred(low: float, high: float) -> str:
    """A range of probabilities as how many of a hundred: never none, never all."""
    least, most = floor(100 * low + 0.5), floor(100 * high + 0.5)
    if least <= 0:
        return f"at most {max(most, 1)}"
    return f"at least {min(least, 99)}" if most >= 100 else f"{least} to {most}"


def rate(p: float | None) -> str:
    """A measured share in percent with one decimal; a dash where it was not measured."""
    return "–" if p is None else f"{100 * p:.1f}{SPACE}%"


def lasting(seconds: float) -> str:
    """How long a clip is: "3.2 seconds", "10 seconds", "2 min 5 s"."""
    if seconds < 59.5:
        return f"{seconds:.3g} second{'' if seconds == 1 else 's'}"
    minutes, rest = divmod(floor(seconds + 0.5), 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def clock(seconds: float) -> str:
    """Seconds as minutes, seconds and tenths: 65.25 is "1:05.3", as in static/moments.js."""
    tenths = floor(10 * seconds + 0.5)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"


def stretch(start: float, end: float) -> str:
    """A part of a recording as the subject of a sentence: "Seconds 3 to 8"."""
    first = floor(start + 0.5)
    last = max(floor(end + 0.5), first + 1)
    if last < 120:
        return f"Seconds {first} to {last}"
    a, b = (f"{each // 60}:{each % 60:02}" for each in (first, last))
    return f"Minutes {a} to {b}"


def size(count: int) -> str:
    """A number of bytes in the unit that suits it."""
    if count >= 1_000_000:
        return f"{count / 1e6:.1f} MB"
    return f"{count / 1e3:.0f} kB" if count >= 1000 else f"{count} bytes"


def measure(value: float, unit: str = "") -> str:
    """A measured value with three digits and its unit."""
    digits = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return digits + (SPACE + unit if unit else "")


def usual(sign: dict) -> str:
    """The range of a measured signal in real files, without an end that says nothing."""
    low, high = sign["typical"]
    if sign["ends"] == "both":
        return f"{measure(low)} to {measure(high, sign['unit'])}"
    if sign["ends"] == "low":
        return f"at least {measure(low, sign['unit'])}"
    return f"at most {measure(high, sign['unit'])}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """A number with its noun: "1 face", "2 faces"; `many` where it takes more than an s."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def rejection(code: str) -> str:
    """Why a face was not judged, from its reason code: "face_too_small" is "too small"."""
    return code.removeprefix("face_").replace("_", " ")


def kind_of(p: float | None, bands: Sequence[dict]) -> str:
    """What a probability says: the kind of its band of the scale, or "none" where there is none.

    Args:
        bands: rising, as those of a report.
    """
    if p is None:
        return "none"
    return band_of(p, bands)["kind"]


def band_of(p: float, bands: Sequence[dict]) -> dict:
    """The band of the scale that a probability lies in."""
    return next(band for band in reversed(bands) if p >= band["low"])


# Kind of an answer -> what it is called, from the one that is surest of manipulation.
ANSWERS = {
    "fake": "Fake",
    "leans-fake": "Leans fake",
    "unsure": "Undecided",
    "none": "Cannot be judged",
    "leans-real": "Leans real",
    "real": "Real",
}

# Kind of an answer -> its colour on paper and on pictures; that of the pages by day is the same.
TONES = {
    "fake": "#a8201a",
    "leans-fake": "#8f4a00",
    "unsure": "#73407f",
    "none": "#4a5160",
    "leans-real": "#15578f",
    "real": "#0b6148",
}


def answer_kind(answer: dict) -> str:
    """What an answer about a file or a person says: one of `ANSWERS`."""
    if answer["probability_fake"] is None:
        return "none"
    if answer["prediction"] != "Inconclusive":
        return answer["prediction"].lower()
    return f"leans-{answer['leaning']}" if answer["leaning"] else "unsure"


def side_kind(side: dict) -> str:
    """What the faces alone, or the voice alone, say: one of `ANSWERS`."""
    return answer_kind(side | {"prediction": side["verdict"]})


def to_one(odds: float) -> str:
    """Odds in words: 7.2 is "about 7 to 1", 1.5 "about 3 to 2"."""
    halves = floor(2 * odds + 0.5)
    said = f"about {halves} to 2" if halves in (3, 5) else f"about {floor(odds + 0.5)} to 1"
    return ("more than 99 to 1" if odds > 99 else said).replace(" ", SPACE)


def labelled(name: str, kind: str, p: float | None) -> str:
    """The label of a box: whose face it is, and what it scores in one picture.

    It says of what the number is the probability, because pictures travel without their page and
    "19 %" beside a verdict reads as how sure that is.
    """
    if p is None:
        return f"{name} · not judged"
    return f"{name} · {ANSWERS[kind].lower()} · P(fake) {percent(p)}"


def stretched(p: float) -> float:
    """Where a probability stands on the scale of the timelines, 0 to 1: its log-odds.

    The thresholds lie near the ends, where an even scale would squeeze everything that decides
    into a hair's breadth.
    """
    kept = min(max(p, 0.001), 0.999)
    return 0.5 + log(kept / (1 - kept)) / (2 * log(999))


def plain(text: str, longest: int = 300) -> str:
    """Text of strangers for one line of print: no control characters, no hidden directions."""
    kept = "".join(
        " " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c
        for c in text.translate(DIRECTIONS)
    )
    kept = " ".join(kept.split())
    return kept if len(kept) <= longest else kept[: longest - 1] + "…"
