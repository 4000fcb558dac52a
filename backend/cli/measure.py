"""The measurements beside the model: `python -m backend measure NAME DATA`, listed by `--help`."""

from __future__ import annotations

import argparse
from pathlib import Path

from backend.cli.exit_codes import ANSWERED
from backend.errors import SetupError
from backend.evidence.usual_ranges import RANGES
from backend.settings import CODE, Settings, load_settings

PAGES = Path("docs") / "measurements"
DATA = "data", "folder with an index.csv, see docs/training.md"


def add_measurements(commands) -> None:
    """Add the command, with a command of its own for each measurement, to subparsers."""
    measure = commands.add_parser("measure", help="measure one part, or make what training needs")
    names = measure.add_subparsers(title="measurements", metavar="NAME", required=True)
    for name, (about, run, subject, out) in MEASUREMENTS.items():
        parser = names.add_parser(name, help=about, description=about)
        word, explained = subject
        optional = {"nargs": "?"} if word in ("clip", "clips") else {}
        kind = str if word == "url" else Path
        parser.add_argument(word, type=kind, metavar=word.upper(), help=explained, **optional)
        parser.add_argument("--out", type=Path, default=out, help="default: %(default)s")
        if subject is DATA:
            parser.add_argument("--runs", type=Path, default=Path("runs"), help="the found faces")
            parser.add_argument("--model", type=Path, help="default: the setting DEEPFAKE_MODEL")
        parser.set_defaults(run=_measure, measure=run)
    names.choices["contact_sheet"].add_argument(
        "--licence", action="append", default=[], help="of faces that may be shown; may be repeated"
    )
    files = names.choices["files"]
    files.add_argument(
        "--before", type=Path, default=PAGES / "files.json", help="an earlier run: %(default)s"
    )
    files.add_argument("--kinds", nargs="+", metavar="KIND", help="only these; default: all")
    files.add_argument("--keep", type=Path, help="write this run there, as JSON")
    names.choices["signals"].add_argument(
        "--ranges", type=Path, default=RANGES, help="where serving reads them: %(default)s"
    )
    candidates = names.choices["candidates"]
    for name, default, about in (
        ("--files", 200, "of each label, kind and split: %(default)s"),
        ("--clips", 40, "of each label and split, picture by picture: %(default)s"),
    ):
        candidates.add_argument(name, type=int, default=default, help=about)
    models = names.choices["models"]
    models.add_argument(
        "--files", type=int, default=200, help="of each label, kind and split: %(default)s"
    )
    models.add_argument(
        "--json", type=Path, default=PAGES / "models.json", help="where serving reads them"
    )
    names.choices["engines"].add_argument(
        "--offer", action="store_true", help="name what passed in the model's JSON"
    )


def _measure(args: argparse.Namespace) -> int:
    """Print the page of a measurement and write it to `--out`; others write what they made."""
    args.out.parent.mkdir(parents=True, exist_ok=True)
    page = args.measure(args)
    if page is not None:
        args.out.write_text(page, encoding="utf-8")
        print(page, end="")
    return ANSWERED


def _settings(args: argparse.Namespace) -> Settings:
    return load_settings(**({"model": args.model} if args.model else {}))


def _faces(args: argparse.Namespace):
    from backend.training.data.face_cache import face_cache
    from backend.training.data.index import read_index

    return face_cache(args.data, read_index(args.data), args.runs / "cache")


def _engines(args):
    from backend.training.measure.engines import measure

    return measure(_settings(args), _faces(args), args.offer)


def _detectors(args):
    from backend.training.measure.faces import measure

    return measure(args.data, _faces(args))


def _signals(args):
    from backend.training.measure.signals import measure

    return measure(_settings(args), args.data, _faces(args), args.ranges)


def _voice_change(args):
    from backend.training.measure.voice_change import measure

    return measure(_settings(args), args.data, CODE / "audio/voice_change.json")


def _heat_maps(args):
    from backend.training.measure.heat_maps_page import measure

    return measure(_settings(args), _faces(args))


def _candidates(args):
    from backend.training.measure.tried_signals import measure

    return measure(_settings(args), args.data, _faces(args), args.files, args.clips)


def _models(args):
    from backend.training.measure.models import measure_models

    return measure_models(_settings(args), args.data, _faces(args), args.json, args.files)


def _quality(args):
    from backend.training.measure.quality import measure

    return measure(_faces(args))


def _turned(args):
    from backend.training.measure.turned import measure

    return measure(_settings(args), _faces(args))


def _descriptor(args):
    from backend.training.measure.descriptor import measure

    return measure(_faces(args))


def _tracking(args):
    from backend.training.data.index import read_index
    from backend.training.measure.tracking import measure

    return measure(args.data, read_index(args.data))


def _leakage(args):
    from backend.training.evaluate.leakage import measure

    return measure(_faces(args))


def _contact_sheet(args):
    from backend.training.measure.contact_sheet import draw

    draw(_faces(args), args.licence, args.out)


def _autoencoder(args):
    from backend.training.augment.autoencoder import train

    train(_faces(args).of("train"), args.out)


def _voices(args):
    from backend.audio.classifier import VoiceClassifier
    from backend.training.measure import voice_rates
    from backend.training.measure.voices import measure

    settings = _settings(args)
    model = settings.model.parent / "models" / "voice.h5"
    classifier = VoiceClassifier(model, settings.cache, settings.engine, settings.profile)
    page = measure(classifier, args.data, args.runs)
    voice_rates.measure(classifier, args.data, args.runs, args.out.with_suffix(".json"))
    return page


def _voice_signals(args):
    from backend.audio.signals import RANGES as VOICE_RANGES
    from backend.training.data.index import read_index
    from backend.training.measure.voice_signals import measure

    rows = [row for row in read_index(args.data) if row.kind == "audio"]
    return measure(args.data, rows, VOICE_RANGES)


def _spoken(args):
    from backend.training.data.spoken import speak

    return speak(args.data)


def _files(args):
    from backend.training.measure.files.cases import KINDS
    from backend.training.measure.files.run import measure

    kinds = args.kinds or tuple(KINDS)
    if set(kinds) - set(KINDS):
        raise SetupError(f"Kinds are {', '.join(KINDS)}.")
    return measure(load_settings(), args.clips, args.before, args.keep, kinds)


def _profile(args):
    from backend.bench.profile import profile

    return profile(load_settings(), args.clip)


def _workers(args):
    from backend.bench.workers import compare

    return compare(args.url)


# Name -> what it is about, the function, what it measures, where the result goes.
MEASUREMENTS = {
    "engines": ("accuracy and cost of each precision of each network", _engines, DATA,
                PAGES / "engines.md"),
    "candidates": ("whether classic signals of older detectors tell anything", _candidates, DATA,
                   PAGES / "candidates.md"),
    "models": ("how good each member is, and each set of members", _models, DATA,
               PAGES / "models.md"),
    "faces": ("what face detectors find, and their milliseconds", _detectors, DATA,
              PAGES / "faces.md"),
    "signals": ("the usual ranges of the signals; serving uses them", _signals, DATA,
                PAGES / "signals.md"),
    "voice_change": ("how well a change of speaker is told; serving uses it", _voice_change, DATA,
                     PAGES / "voice_change.md"),
    "heat_maps": ("how well heat maps find what was changed", _heat_maps, DATA, PAGES / "maps.md"),
    "quality": ("how bright and how sharp real faces are", _quality, DATA, PAGES / "quality.md"),
    "turned": ("how well faces are told that lie turned", _turned, DATA, PAGES / "turned.md"),
    "descriptor": ("how well people are told apart", _descriptor, DATA, PAGES / "appearance.md"),
    "tracking": ("how well people keep their names", _tracking, DATA, PAGES / "tracking.md"),
    "leakage": ("whether training batches give the label away", _leakage, DATA,
                PAGES / "leakage.md"),
    "contact_sheet": ("a picture of what each network is trained on", _contact_sheet, DATA,
                      Path("docs/contact_sheet.jpg")),
    "autoencoder": ("train what draws faces anew for training", _autoencoder, DATA,
                    CODE / "training/augment/autoencoder.pt"),
    "voices": ("what the voice network is worth", _voices, DATA, PAGES / "voices.md"),
    "voice_signals": ("the usual ranges of a voice's signals; serving uses them", _voice_signals,
                      DATA, PAGES / "voice_signals.md"),
    "spoken": ("let free engines read into a data folder, as fakes", _spoken, DATA,
               Path("runs") / "spoken.md"),
    "files": ("which of the files that people really have are answered rightly", _files,
              ("clips", "folder of the real clips, see docs/training.md; default: a photograph"),
              PAGES / "files.md"),
    "profile": ("where the processor time of an analysis goes", _profile,
                ("clip", "default: the made 1080p clip"), PAGES / "profile.md"),
    "workers": ("how much faster two workers are than one", _workers,
                ("url", "of a Redis that nobody else uses"), PAGES / "workers.md"),
}  # fmt: skip
