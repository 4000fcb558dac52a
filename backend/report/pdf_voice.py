"""The section of the PDF about the voice: its answer, its scores over time, its picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from backend.report.page_text import Reading
from backend.report.pdf_charts import spectrogram, voice_timeline
from backend.report.pdf_layout import Paper
from backend.wording import percent


def voice(paper: Paper, reading: Reading, pictures: Callable[[str], Path]) -> None:
    """Write the section; nothing where there is no sound.

    Args:
        pictures: finds a picture by its address in the report.
    """
    heard = reading.voice
    if not heard:
        return
    paper.heading("The voice", keep=70 if heard.answer["windows"] else 34)
    score = ""
    if heard.probability is not None:
        score = f", {percent(heard.probability)} probability of being synthetic"
    paper.write_block(f"{heard.title}{score}", 10, bold=True)
    sentences = [part["text"] for part in heard.segments]
    apart = [heard.headline, heard.doubt] if reading.deciding is not heard else []
    paper.write_block(" ".join([*apart, heard.heard, *sentences]), 9.5)
    if heard.answer["windows"]:
        voice_timeline(paper, heard, reading.lasts)
    if heard.answer["spectrogram"]:
        picture = pictures(heard.answer["spectrogram"])
        spectrogram(paper, picture, heard.answer["duration"] / reading.lasts, " ".join(sentences))


def voice_model(reading: Reading) -> list[tuple[str, str]]:
    """The facts of the voice's model, where it is not the only one."""
    model = reading.face and reading.voice and reading.voice.answer["model"]
    if not model:
        return []
    return [("Model of the voice", model["name"]), ("SHA-256 of its weights", model["sha256"])]
