"""The sections of the PDF about what is seen: the people, and the moments of a clip."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from backend.report.page_text import Reading
from backend.report.pdf_charts import timeline
from backend.report.pdf_layout import Paper
from backend.wording import ANSWERS, answer_kind, percent, plural

FRAMES = 3  # decisive frames shown beside the first
PEOPLE = 8  # with pictures; more are counted

Pictures = Callable[[str], Path]  # a picture's address in the report to where it is


def people(paper: Paper, reading: Reading, pictures: Pictures) -> None:
    """Write who is seen; nothing where nobody is."""
    if not reading.tracks:
        return
    paper.heading(f"Who: {plural(len(reading.tracks), 'person', 'people')}")
    if reading.crowd:
        paper.write_block(reading.crowd, 9.5)
        paper.ln(2)
    for track in reading.tracks[:PEOPLE]:
        p = track["probability_fake"]
        answer = ANSWERS[answer_kind(track)]
        if p is not None:
            answer += f", {percent(p)} probability of manipulation"
        part = reading.part(track)
        mark = f" ({part})" if part else ""
        images = [pictures(face["url"]) for face in track["pictures"]]
        paper.person(f"{track['name']}{mark}", answer, reading.presence(track), images)
    rest = len(reading.tracks) - PEOPLE
    if rest > 0:
        paper.write_block(f"And {plural(rest, 'more person', 'more people')}.", 9.5)


def moments(paper: Paper, reading: Reading, pictures: Pictures) -> None:
    """Write when the scores are high in a clip; of a photograph show the whole picture."""
    if not reading.many_moments:
        if reading.report["closeup"] and reading.decisive:
            moment = reading.decisive
            paper.heading("The whole picture", keep=80)
            paper.pictures([(pictures(moment.frame["url"]), moment.caption)])
        return
    if reading.face.probability is not None:
        paper.heading("When: probability of manipulation over the clip", keep=70)
        timeline(paper, reading.chart)
        paper.write_block(
            "The scale is stretched at both ends, where the decision falls. The hatched zone is "
            "undecided. P(fake) on the pictures is this probability.",
            8,
        )
    first = reading.decisive and reading.decisive.frame["index"]
    picked = [face["frame"] for face in (reading.face.decider or {"pictures": []})["pictures"]]
    others = [m for m in reading.moments if m.frame["index"] in picked]
    others = [m for m in others if m.frame["index"] != first][:FRAMES]
    if others:
        paper.heading("Other telling moments of the decisive person", keep=60)
        paper.pictures([(pictures(m.frame["url"]), m.caption) for m in others])
