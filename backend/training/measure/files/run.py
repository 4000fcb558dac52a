"""Judges the made files with the product's own commands, and prints how many were right."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from backend.analysis.pipeline import build_pipeline
from backend.cli.predict import predict
from backend.errors import SetupError
from backend.settings import ROOT, Settings
from backend.training.evaluate.markdown_tables import DASH, table
from backend.training.measure.files import clips as made_clips
from backend.training.measure.files import layouts, pictures
from backend.training.measure.files.cases import KINDS, Case
from backend.training.measure.files.folders import folders
from backend.training.measure.files.requests import requests

HEAD = """<!-- Which of the files that people really have get the right answer. -->
# Files that people really have

Printed by `python -m backend measure files DATA`, which makes the files itself: of a photograph in
the public domain, and of three real clips in DATA. Each is judged by `python -m backend predict`,
each request by the application. Before: the commit {commit}.

What is right differs from kind to kind: the score and the people of the same content in a plain
file, no real clip called Fake, the number of faces, a refusal that names the reason, the exit code.

"""


# Kind -> what makes its files: in a folder, of real clips or of none.
MAKERS: tuple[tuple[str, Callable[[Path, Path | None], Iterator[Case]]], ...] = (
    ("backdrop", layouts.backdrops),
    ("turned", layouts.turned),
    ("names", lambda folder, _: pictures.names(folder)),
    ("names", lambda folder, _: made_clips.names(folder)),
    ("megapixels", lambda folder, _: pictures.megapixels(folder)),
    ("metadata", lambda folder, _: pictures.metadata(folder)),
    ("hdr", made_clips.hdr),
    ("reasons", lambda folder, _: pictures.reasons(folder)),
    ("reasons", lambda folder, _: made_clips.reasons(folder)),
    ("crowds", lambda folder, _: pictures.crowds(folder)),
    ("clocks", lambda folder, _: made_clips.clocks(folder)),
    ("codecs", lambda folder, _: made_clips.codecs(folder)),
    ("small", lambda folder, _: made_clips.ends(folder)),
)


def measure(
    settings: Settings,
    clips: Path | None,
    before: Path,
    keep: Path | None = None,
    kinds: Sequence[str] = tuple(KINDS),
) -> str:
    """The page in Markdown.

    Args:
        settings: all of them; nothing is kept where they say.
        clips: folder of the real clips that `layouts.REAL` names; None for none of them.
        before: JSON of an earlier run; need not exist.
        keep: writes this run there as such JSON; None for not.
        kinds: of `KINDS`; what is tried.

    Raises:
        SetupError: a real clip is missing.
    """
    for name in layouts.REAL if clips else ():
        if not (clips / f"{name}.mp4").is_file():
            raise SetupError(f"{name}.mp4 is missing in {clips}.")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        answers = dict(_answers(settings, Path(place), clips, kinds))
    if keep:
        now = {"commit": _commit(), "right": answers}
        keep.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
    earlier = json.loads(before.read_text("utf-8")) if before.exists() else {}
    return _page(answers, earlier, kinds)


def _answers(
    settings: Settings, place: Path, clips: Path | None, kinds: Sequence[str]
) -> Iterator[tuple[str, bool]]:
    cases = []
    for kind, make in MAKERS:
        if kind in kinds:
            (place / kind).mkdir(exist_ok=True)
            cases += make(place / kind, clips)
    rows = _rows(settings, [case.path for case in cases], place / "rows.jsonl") if cases else {}
    for case in cases:
        if case.right:
            control = case.control and rows[case.control]
            yield case.name, bool(case.right(rows[case.path], control))
    if "folders" in kinds:
        yield from folders(settings, place / "in")
    if "small" in kinds:
        web = settings.model_copy(update={"uploads": place / "up", "results": place / "out"})
        yield from requests(web, build_pipeline(web))


def _rows(settings: Settings, paths: Sequence[Path], out: Path) -> dict[Path, dict]:
    predict(settings, [str(path) for path in paths], out=out)
    rows = map(json.loads, out.read_text("utf-8").splitlines())
    return {Path(row["path"]): row for row in rows}


def _page(answers: dict[str, bool], earlier: dict, kinds: Sequence[str]) -> str:
    known, lines, wrong = earlier.get("right", {}), [], []
    for kind in kinds:
        names = [name for name in answers if name.startswith(f"{kind}/")]
        failed = [name for name in names if not answers[name]]
        then = sum(known[name] for name in names) if set(names) <= set(known) else DASH
        lines.append((KINDS[kind], len(names), then, len(names) - len(failed)))
        wrong += failed
    columns = list(zip(*lines, strict=True))[1:]
    sums = [DASH if DASH in column else sum(column) for column in columns]
    page = HEAD.format(commit=earlier.get("commit", DASH))
    page += table(("files", "tried", "right before", "right now"), [*lines, ("all", *sums)])
    told = ", ".join(f"`{name}`" for name in wrong) or "none"
    return f"{page}\n\nWrong now: {told}.\n"


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()
