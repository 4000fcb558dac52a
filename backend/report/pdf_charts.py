"""The drawings of the PDF: the sign of the answer, where it lies, the scores over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

from fpdf import FPDF

from backend.report.pdf_layout import INK, QUIET, TINTS, WIDTH
from backend.report.voice_text import VoiceText
from backend.wording import ANSWERS, TONES, band_of, clock, exact, stretched

LINES = ("#16191d", "#0072b2", "#a3407f", "#8a5a00", "#81858c")  # as on the page
DASHES = ((0, 0), (2.2, 1.2), (0.6, 1), (3, 1), (0, 0))
TALL, AXIS = 46, 13  # mm: height of the timeline's field, width of its numbers
TICKS = (0.01, 0.1, 0.5, 0.9, 0.99)


def answer_icon(paper: FPDF, kind: str, x: float, y: float, side: float = 9.5) -> None:
    """One shape for each answer, as on the page: colour is never the only sign."""
    paper.set_fill_color(TONES[kind])
    paper.set_draw_color("#ffffff")
    paper.set_line_width(side / 10)

    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x + px * side / 24, y + py * side / 24) for px, py in points]

    if kind.startswith("leans"):  # hollow, as on the page, in the shape of the side
        paper.set_draw_color(TONES[kind])
        paper.set_line_width(side / 9)
        if kind == "leans-fake":
            paper.polygon(at((12, 3.4), (21.8, 20.6), (2.2, 20.6)), style="D")
            paper.polyline(at((12, 10), (12, 14.6)))
            paper.polyline(at((12, 17), (12, 18)))
        else:
            paper.ellipse(x + side / 16, y + side / 16, side * 7 / 8, side * 7 / 8, style="D")
            _glass(paper, at, side)
    elif kind == "fake":
        paper.polygon(at((12, 1.8), (23.2, 21.6), (0.8, 21.6)), style="F")
        paper.polyline(at((12, 9), (12, 14.6)))
        paper.polyline(at((12, 17.7), (12, 18.8)))
    elif kind == "real":
        paper.ellipse(x, y, side, side, style="F")
        _glass(paper, at, side)
    elif kind == "none":
        paper.rect(x, y, side, side, style="F", round_corners=True, corner_radius=side / 6)
        paper.polyline(at((7, 12), (17, 12)))
    else:
        corners = ((6.3, 1.6), (17.7, 1.6), (23.4, 12), (17.7, 22.4), (6.3, 22.4), (0.6, 12))
        paper.polygon(at(*corners), style="F")
        paper.set_font("Text", "B", 2 * side)
        paper.set_text_color("#ffffff")
        paper.text(x + side * 0.31, y + side * 0.75, "?")


def _glass(paper: FPDF, at, side: float) -> None:
    """A magnifying glass: it was searched, and nothing is promised."""
    ((x, y),) = at((7, 7))
    paper.ellipse(x, y, side / 3, side / 3, style="D")
    paper.polyline(at((13.8, 13.8), (17.4, 17.4)))


def bands_bar(
    paper: FPDF, p: float, bands: Sequence[dict], x: float, y: float, width: float
) -> None:
    """Where a score lies between Real and Fake, all bands as wide; leaves the cursor below."""
    top, wide, here = y + 4, width / len(bands), band_of(p, bands)
    for number, band in enumerate(bands):
        left = x + number * wide
        if band["kind"] == "unsure":
            hatched(paper, left, top, wide, 5)
        else:
            paper.set_fill_color(TONES[band["kind"]])
            paper.rect(left, top, wide, 5, style="F")
        paper.set_draw_color("#ffffff")
        paper.set_line_width(0.4)
        paper.line(left, top, left, top + 5)
        name = ANSWERS[band["kind"]]
        _words(paper, name, left + wide / 2, top + 7, 6.5, left, wide, bold=band is here)
    paper.set_fill_color(INK)
    at = x + wide * (bands.index(here) + (p - here["low"]) / (here["high"] - here["low"]))
    paper.polygon([(at - 2, top - 3.5), (at + 2, top - 3.5), (at, top + 0.5)], style="F")
    paper.set_y(top + 10)


def hatched(paper: FPDF, x: float, y: float, width: float, height: float) -> None:
    """The pattern that means "undecided"."""
    paper.set_fill_color(TINTS["unsure"])
    paper.rect(x, y, width, height, style="F")
    paper.set_draw_color("#b797c0")
    paper.set_line_width(0.25)
    with paper.rect_clip(x, y, width, height):
        step = 1.6
        for number in range(int((width + height) / step) + 2):
            left = x - height + number * step
            paper.line(left, y + height, left + height, y)


def timeline(paper: FPDF, chart: dict) -> None:
    """Each person's scores over the clip, on the stretched scale; leaves the cursor below."""
    left, width, end = paper.l_margin + AXIS, WIDTH - AXIS, chart["duration"]
    down = _field(paper, chart["thresholds"])
    for number, track in reversed(list(enumerate(chart["tracks"]))):
        style = min(number, len(LINES) - 1)
        paper.set_draw_color(LINES[style])
        paper.set_fill_color(LINES[style])
        paper.set_line_width(0.6 if number == 0 else 0.4)
        places = [
            None if p is None else (left + width * time / end, down(p))
            for time, p in zip(chart["times"], track["scores"], strict=True)
        ]
        paper.set_dash_pattern(*DASHES[style])
        for here, there in zip(places, places[1:], strict=False):
            if here and there:
                paper.line(*here, *there)
        paper.set_dash_pattern()
        for place in filter(None, places):
            paper.circle(*place, radius=0.8 if number == 0 else 0.6, style="F")
    _axis(paper, down(0) + 1, end)
    _key(paper, chart, left)


def voice_timeline(paper: FPDF, voice: VoiceText, end: float) -> None:
    """The scores of the voice over time, up to `end` seconds, and where somebody speaks below."""
    left, width = paper.l_margin + AXIS, WIDTH - AXIS
    down = _field(paper, voice.answer["thresholds"])
    paper.set_draw_color(LINES[0])
    paper.set_fill_color(LINES[0])
    paper.set_line_width(0.6)
    for line in voice.lines:
        places = [(left + width * time / end, down(p)) for time, p in line]
        for here, there in pairwise(places):
            paper.line(*here, *there)
        for place in places:
            paper.circle(*place, radius=0.6, style="F")
    paper.set_fill_color(QUIET)
    for part in voice.answer["speech"]:
        x, long = width * part["start"] / end, width * (part["end"] - part["start"]) / end
        paper.rect(left + x, down(0) + 1, long, 1.4, style="F")
    _words(paper, "speech", left - 2, down(0), 7.5, left - AXIS, AXIS - 1)
    _axis(paper, down(0) + 3, end)


def spectrogram(paper: FPDF, path: Path, share: float, words: str) -> None:
    """The picture of the sound, over this share of the time axis; leaves the cursor below.

    Args:
        words: what it shows, for whoever cannot see it.
    """
    left, high, wide = paper.l_margin + AXIS, 26, (WIDTH - AXIS) * min(share, 1.0)
    if paper.will_page_break(high + 2):
        paper.add_page()
    top = paper.get_y()
    paper.image(str(path), left, top, wide, high, alt_text=f"Picture of the sound. {words}")
    for text, y in (("8 kHz", top), ("0", top + high - 4)):
        _words(paper, text, left - 2, y, 7.5, left - AXIS, AXIS - 1)
    paper.set_y(top + high + 2)


def _field(paper: FPDF, limits: dict) -> Callable[[float], float]:
    """Draw the zones of a timeline below the cursor; returns where a probability stands, mm."""
    left, top, width = paper.l_margin + AXIS, paper.get_y() + 2, WIDTH - AXIS

    def down(p: float) -> float:
        return top + TALL * (1 - stretched(p))

    fake, real = (down(limits[side] or 0) for side in ("fake", "real"))
    for a, b, kind in ((top, fake, "fake"), (real, top + TALL, "real")):
        paper.set_fill_color(TINTS[kind])
        paper.rect(left, a, width, b - a, style="F")
    hatched(paper, left, fake, width, real - fake)
    for p in TICKS:
        _words(paper, f"{100 * p:.0f} %", left - 2, down(p) - 1.8, 7.5, left - AXIS, AXIS - 1)
    _words(paper, f"Fake, from {exact(limits['fake'])}", left + width, top, 7.5, left, width - 1)
    if limits["real"]:
        words = f"Real, up to {exact(limits['real'])}"
        _words(paper, words, left + width, top + TALL - 4, 7.5, left, width - 1)
    return down


def _axis(paper: FPDF, y: float, end: float) -> None:
    """The ends of a time axis; leaves the cursor below."""
    left, width = paper.l_margin + AXIS, WIDTH - AXIS
    _words(paper, clock(0), left, y, 7.5, left, width)
    _words(paper, clock(end), left + width, y, 7.5, left, width)
    paper.set_y(y + 5)


def _key(paper: FPDF, chart: dict, left: float) -> None:
    """Which line is whose."""
    y = paper.get_y() + 2
    for number, track in enumerate(chart["tracks"][: len(LINES)]):
        last = number == len(LINES) - 1
        rest = len(chart["tracks"]) - number
        name = f"{rest} more" if last and rest > 1 else track["name"]
        paper.set_draw_color(LINES[number])
        paper.set_line_width(0.6)
        paper.set_dash_pattern(*DASHES[number])
        paper.line(left, y, left + 9, y)
        paper.set_dash_pattern()
        _words(paper, name, left + 11, y - 1.8, 7.5, left + 11, 30)
        left += 32
    paper.set_y(y + 4)


def _words(
    paper: FPDF, text: str, at: float, y: float, points: float, x: float, width: float,
    bold: bool = False,
) -> None:  # fmt: skip
    """Write around `at` (mm), kept within the `width` from `x` on."""
    paper.set_font("Text", "B" if bold else "", points)
    paper.set_text_color(INK if bold else QUIET)
    wide = paper.get_string_width(text)
    left = min(max(at - wide / 2, x), x + width - wide)
    paper.text(left, y + points * 0.3, text)
