"""The command `bench`: makes its clips, measures one thing after another, prints the page."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import openvino as ov

from backend.bench import engines, field, server, stages
from backend.bench.clips import CODECS, SIZES, make_clip, make_photo
from backend.bench.sound import make_minute, with_speech
from backend.media.formats import EXTENSIONS
from backend.models.classifier import Classifier
from backend.settings import Settings

HEAD = """# How fast it answers

Printed by `python -m backend bench{options}` (`make bench`: without options), in one run on one
machine: {machine}. The clips are made by the command: the astronaut of scikit-image, her face an
eighth of the picture's height, over a panning photograph with noise, 30 frames a second, a key
frame every 250. Longer clips repeat the ten seconds; so does speech, of nine seconds. All times
include the decoder's process.
"""


def bench(settings: Settings, quick: bool, clips: Path | None, out: Path | None) -> int:
    """Measure and print; also write the page to `out`.

    Args:
        settings: the model and its engine.
        quick: fewer clips and repeats, no TensorFlow.
        clips: folder of further clips to measure the stages on.
        out: Markdown file.
    """
    began = time.monotonic()
    # Ten minutes of 4K are more than people may upload; what they cost is worth knowing.
    settings = settings.model_copy(update={"max_upload_mb": 4000})
    parts = stages.Parts.of(settings)
    options = (" --quick" if quick else "") + (" --clips FOLDER" if clips else "")
    page = [HEAD.format(options=options, machine=_machine(parts.classifier))]

    def section(title: str, text: str) -> None:
        page.append(f"## {title}\n\n{text}\n")
        print(page[-1], flush=True)

    print(page[0], flush=True)
    repeats = 1 if quick else 3
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _say("making the clips")
        made = _clips(folder, quick)
        real = sorted(p for p in clips.iterdir() if p.suffix in EXTENSIONS) if clips else []
        photo = make_photo(folder)
        clip = made["1080p H.264 10 s"]

        _say("stages of one analysis")
        subjects = {
            "12 MP photo": photo,
            "a minute of speech": make_minute(folder),
            **made,
            "1080p H.264 10 s, with speech": with_speech(clip, 10),
            **{path.name: path for path in real},
        }
        section("Stages of one analysis", stages.measure(parts, subjects, repeats))

        _say("requests to the server")
        requests, clients = (2, (1, 2)) if quick else (6, server.CLIENTS)
        section("Requests", server.measure(folder, clip, photo, requests, clients))

        _say("engines")
        text = engines.measure(settings, repeats=3 if quick else 9, keras=not quick)
        asked = "Of the network that looks at faces; pictures are judged by others as well."
        section("Milliseconds a face", f"{asked}\n\n{text}")

        if not quick:
            _say("the field's way")
            beside = settings.model.parent
            theirs = field.measure(clip, beside, parts.classifier, parts.detector, most=40)
            ours = min(stages.together(parts, clip) for _ in range(3)) / 1000
            section(
                "The field's way",
                "Every frame through OpenCV, faces searched anew in each, one Keras `predict` a "
                f"face, no pictures drawn: **{theirs:.1f} s** for the same clip, where this takes "
                f"**{ours:.2f} s** with pictures: {theirs / ours:.0f} times.",
            )
    _say(f"done in {time.monotonic() - began:.0f} s")
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text("\n".join(page), encoding="utf-8")
    return 0


def _clips(folder: Path, quick: bool) -> dict[str, Path]:
    """Name -> clip."""
    wanted = [("480p", "H.264", 10), ("1080p", "H.264", 10), ("1080p", "H.264", 600)]
    if not quick:
        wanted = [(size, "H.264", seconds) for size in SIZES for seconds in (10, 60, 600)]
        others = [codec for codec in CODECS if codec != "H.264"]
        wanted += [("1080p", codec, seconds) for codec in others for seconds in (10, 600)]
    return {
        f"{size} {codec} {seconds} s": make_clip(folder, size, codec, seconds)
        for size, codec, seconds in wanted
    }


def _machine(classifier: Classifier) -> str:
    name = ov.Core().get_property("CPU", "FULL_DEVICE_NAME").strip()
    cores = len(os.sched_getaffinity(0))
    return (
        f"{name}, {cores} cores, Python {platform.python_version()}, "
        f"OpenVINO {ov.__version__.split('-')[0]}, engine {classifier.engine}, "
        f"{classifier.precision}"
    )


def _say(what: str) -> None:
    print(f"bench: {what} ...", file=sys.stderr, flush=True)
