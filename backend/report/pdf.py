"""The report as a PDF that can be filed: A4, its fonts embedded, nothing of it but print."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from backend.report import notices
from backend.report.error_rates import Measured
from backend.report.model_errors import Errors
from backend.report.next_steps import Step
from backend.report.page_text import Reading
from backend.report.pdf_charts import answer_icon, bands_bar
from backend.report.pdf_faces import Pictures, moments, people
from backend.report.pdf_layout import INDENT, WIDTH, Paper
from backend.report.pdf_voice import voice, voice_model
from backend.report.votes_in_words import votes_in_words
from backend.wording import TONES, clock, measure, percent, plain, rate, usual

NARROWEST = 40  # mm that the caption of the decisive picture has, however narrow that is


def pdf_report(
    report: dict,
    pictures: Callable[[str], Path],
    measured: Measured,
    errors: Errors,
    version: str,
) -> bytes:
    """Make the PDF.

    Args:
        report: as `to_report` makes it.
        pictures: finds the analysis's pictures by name; what it raises is passed on.
        measured: errors of the models that judged, as far as they are known.
        errors: of the single members of the model of the faces.
        version: of this application.

    Returns:
        The bytes of the file. Nothing of the user's is in it but as printed text and pictures.
    """
    reading = Reading(report, measured)
    when = datetime.fromisoformat(report["created_at"])

    def of_address(url: str) -> Path:
        return pictures(url.rsplit("/", 1)[-1])

    paper = Paper(f"Analysis {report['id']}", when, f"Deepfake Detector {version}")
    _answer(paper, reading, of_address)
    _file(paper, reading, version)
    _why(paper, reading)
    people(paper, reading, of_address)
    moments(paper, reading, of_address)
    voice(paper, reading, of_address)
    _votes(paper, report, errors)
    _measured_signs(paper, reading)
    _quality(paper, reading)
    _origin(paper, reading)
    _meaning(paper, reading)
    return paper.finished()


def _answer(paper: Paper, reading: Reading, pictures: Pictures) -> None:
    """The verdict, its doubt and the decisive picture, in a box of the verdict's colour."""
    url, caption = _evidence(reading)
    image = url and paper.fitted(pictures(url), 72, 72)
    column = max(image[1], NARROWEST) if image else 0
    text_width = WIDTH - 2 * INDENT - (column + 6 if image else 0)
    top = paper.get_y()
    answer_icon(paper, reading.kind, paper.l_margin + INDENT, top + 5)
    paper.set_xy(paper.l_margin + INDENT + 13, top + 4.5)
    points = 22 if len(reading.title) <= 10 else 16  # so that it does not reach the picture
    tone = TONES[reading.kind]
    paper.write_block(reading.title, points, bold=True, tone=tone, indent=INDENT + 13)
    paper.set_y(top + 18)
    for _, words, _ in reading.apart:
        paper.write_block(words, 10.5, bold=True, width=text_width, indent=INDENT)
    paper.write_block(reading.headline, 12, bold=True, width=text_width, indent=INDENT)
    paper.ln(1.5)
    paper.write_block(reading.doubt, 9.5, width=text_width, indent=INDENT)
    if reading.probability is not None:
        place = (paper.l_margin + INDENT, paper.get_y() + 3, text_width)
        bands_bar(paper, reading.probability, reading.deciding.bands, *place)
    bottom = paper.get_y()
    if image:
        path, width, height = image
        left = paper.l_margin + WIDTH - INDENT - column
        paper.image(str(path), left, top + 6, width, height, alt_text=caption)
        paper.set_xy(left, top + 7 + height)
        paper.write_block(caption, 8, width=column, x=left)
    paper.set_y(max(bottom, paper.get_y()) + 4)
    paper.frame(top, tone)


def _evidence(reading: Reading) -> tuple[str | None, str]:
    """The address and the caption of the picture that the answer rests on; None without one."""
    if reading.deciding is reading.voice:
        sentences = " ".join(part["text"] for part in reading.voice.segments)
        return reading.voice.answer["spectrogram"], sentences or "The sound"
    closeup, moment = reading.report["closeup"], reading.decisive
    shown = closeup or (moment and moment.frame)
    return shown and shown["url"], reading.decisive_caption


def _file(paper: Paper, reading: Reading, version: str) -> None:
    report = reading.report
    paper.heading("What was analysed")
    paper.facts(
        [
            ("File", plain(report["file"]["name"])),
            ("SHA-256 of the file", report["provenance"]["sha256"]),
            *reading.facts,
            ("Model", report["model"]["name"]),
            ("SHA-256 of its weights", report["model"]["sha256"]),
            *voice_model(reading),
            ("Made with", f"Deepfake Detector {version}"),
            ("Analysis", report["id"]),
        ]
    )


def _why(paper: Paper, reading: Reading) -> None:
    paper.heading("What you can do")
    paper.points([_step(step) for step in reading.steps])
    if reading.kind == "none":
        return
    paper.heading("Why")
    paper.points(reading.why)
    paper.heading("How often each answer was wrong", keep=50)
    rows = [("Answer", "Scores", "Of 100 such files in our tests")]
    rows += [(each.name, each.scores, each.errors) for each in reading.deciding.in_bands]
    paper.grid(rows, (50, 50, 74))
    paper.write_block(
        f"The {reading.deciding.name} scores {percent(reading.probability)}: the model's own "
        "estimate of the probability of manipulation.",
        8.5,
    )


def _step(step: Step) -> str:
    names = ", ".join(name for name, _ in step.links)
    return f"{step.text} Search with one of: {names}." if names else step.text


def _votes(paper: Paper, report: dict, errors: Errors) -> None:
    rows, best = votes_in_words(report, errors)
    if not rows:
        return
    paper.heading("How the models voted", keep=60)
    paper.write_block(" ".join(filter(None, (notices.VOTES, best))), 9.5)
    head = ("Model", "Score", "Answer", "Counts", "Real called Fake", "Fakes called Real")
    paper.grid([head, *rows], (34, 26, 30, 20, 32, 32))


def _measured_signs(paper: Paper, reading: Reading) -> None:
    signals = reading.report["signals"]
    if not signals:
        return
    paper.heading("What else was measured")
    paper.write_block(
        "These do not change the score; they tell where to look. Most manipulated files are usual "
        "too.",
        9.5,
    )
    rows = [("Measured", "Here", "In real files", "")]
    for sign in sorted(signals, key=lambda sign: not sign["unusual"]):
        when = f"\nat {clock(sign['time'])}" if sign["time"] is not None and reading.is_clip else ""
        rows.append(
            (
                sign["name"] + when,
                measure(sign["value"], sign["unit"]),
                usual(sign),
                "unusual" if sign["unusual"] else "usual",
            )
        )
    paper.grid(rows, (80, 34, 40, 20))
    if reading.units:
        paper.write_block(reading.units, 8)


def _quality(paper: Paper, reading: Reading) -> None:
    if reading.report["quality"]:
        paper.heading("What makes it hard to judge")
        paper.points([f"{each['text']} {each['advice']}" for each in reading.report["quality"]])


def _origin(paper: Paper, reading: Reading) -> None:
    """Strangers' text, all of it; it is shaped, because names come in every script."""
    origin = reading.report["provenance"]
    note = origin["c2pa"]
    paper.heading("Where the file says it comes from")
    paper.write_block("Apart from the answer: read from the file, not from what it shows.", 9.5)
    paper.write_block(origin["text"], 9.5)
    signed = [("Signed by", note["signer"]), ("Signed at", note["time"])]
    paper.facts(
        [
            ("Content Credentials", plain(note["text"])),
            *[(name, plain(value)) for name, value in signed if value],
            *[("", plain(text)) for text in note["assertions"]],
            *[
                (plain(name.replace("_", " ").capitalize(), 40), plain(str(value)))
                for name, value in (origin["container"] or {}).items()
                if value is not None
            ],
            *[(plain(each["name"], 40), plain(str(each["value"]))) for each in origin["metadata"]],
        ]
    )


def _meaning(paper: Paper, reading: Reading) -> None:
    paper.heading("What the score means, and what it does not")
    for text in (notices.WHAT_IT_MEANS, notices.WHAT_IT_IS_NOT, notices.LIMITS):
        paper.write_block(text, 9.5)
        paper.ln(1.5)
    paper.write_block(notices.NOT_A_PROOF, 9.5, bold=True)
    lines = [line for side in reading.sides if side.rates for line in side.rates.lines]
    if not lines:
        paper.ln(1.5)
        paper.write_block("The errors of this model have not been measured.", 9.5)
        return
    paper.heading("How often this model was right and wrong in our tests", keep=40)
    paper.write_block(notices.TESTED_ON, 9.5)
    rows = [("Tested on", "Right", "Wrong", "No side taken")]
    for line in lines:
        shares = (line.right, line.wrong, line.silent)
        rows.append((f"{line.name} ({line.files})", *[rate(share) for share in shares]))
    paper.grid(rows, (84, 30, 30, 30))
