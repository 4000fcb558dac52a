"""The command line: `python -m backend predict | serve | worker | evaluate | train | measure ...`.

An installed package has it as `deepfake-detector`, too.

Each command is a function with its own imports, so that one never loads what another needs.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from backend.cli.exit_codes import ANSWERED, answered
from backend.cli.measure import add_measurements


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code: 0 all was answered, 3 some files were not answered, or as `answered`.
    """
    args = _parser().parse_args(argv)
    return answered(lambda: args.run(args))


def _parser() -> argparse.ArgumentParser:
    called = Path(sys.argv[0]).name
    parser = argparse.ArgumentParser(
        prog="python -m backend" if called == "__main__.py" else called,
        description="Tells whether the faces in a file were manipulated.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    predict = commands.add_parser(
        "predict",
        help="judge files, without a server",
        description="Judges files. Each is a row, in order; one without an answer says why.",
        epilog="Exit code: 0 every file was answered, 3 some were not, 2 something is set up "
        "wrongly.",
    )
    predict.add_argument(
        "paths", nargs="+", metavar="PATH",
        help="a file, a glob, or a folder: every file in it and in its sub-folders, whatever its "
        "name, hidden ones and links to files too; links to folders are not followed",
    )  # fmt: skip
    predict.add_argument(
        "--format",
        choices=("table", "jsonl", "csv"),
        help="default: what the name of --out says, else table",
    )
    predict.add_argument("--out", type=Path, metavar="FILE", help="write the rows there")
    predict.add_argument(
        "--resume", action="store_true", help="go on with the JSON lines of --out after a break"
    )
    predict.add_argument(
        "--save-frames", metavar="DIR", help="save the annotated pictures, one folder a file"
    )
    predict.set_defaults(run=_predict)

    serve = commands.add_parser("serve", help="serve the page and the API")
    serve.add_argument("--host", help="default: the setting DEEPFAKE_HOST")
    serve.add_argument("--port", type=int, help="default: the setting DEEPFAKE_PORT")
    serve.set_defaults(run=_serve)

    worker = commands.add_parser("worker", help="do queued analyses for the servers")
    worker.set_defaults(run=_worker)

    evaluate = commands.add_parser("evaluate", help="measure a model on labelled files")
    _add_data(evaluate)
    evaluate.add_argument(
        "--splits", nargs="+", default=["dev-b"], metavar="SPLIT",
        help="what to judge: train, val, dev-a, dev-b; default: dev-b",
    )  # fmt: skip
    evaluate.add_argument("--out", type=Path, help="also write the results there, as JSON")
    evaluate.add_argument("--card", type=Path, help="write the model card there")
    evaluate.add_argument("--quick", action="store_true", help="no conditions, rough intervals")
    evaluate.set_defaults(run=_evaluate)

    train = commands.add_parser("train", help="train, calibrate and put the model in place")
    _add_data(train)
    train.add_argument("--recipes", type=Path, help="folder with a TOML file for each member")
    train.add_argument("--voice", action="store_true", help="train the voice network instead")
    train.add_argument(
        "--member",
        metavar="NAME",
        help="train this one alone, such as meso4, and put it beside the model in models/",
    )
    train.set_defaults(run=_train)

    calibrate = commands.add_parser("calibrate", help="fit anew how the members are read")
    _add_data(calibrate)
    calibrate.add_argument(
        "--ensemble", action="append", default=[], metavar="NAME,NAME",
        help="calibrate these together as well; may be repeated",
    )  # fmt: skip
    calibrate.add_argument("--default", metavar="NAME,NAME", help="make these the default")
    calibrate.set_defaults(run=_calibrate)

    add_measurements(commands)

    bench = commands.add_parser("bench", help="measure how fast this machine answers")
    bench.add_argument("--quick", action="store_true", help="few clips, without TensorFlow")
    bench.add_argument("--clips", type=Path, metavar="DIR", help="measure these as well")
    bench.add_argument("--out", type=Path, help="also write the page there, in Markdown")
    bench.set_defaults(run=_bench)

    settings = commands.add_parser("settings", help="print the table of settings, in Markdown")
    settings.set_defaults(run=_settings)

    formats = commands.add_parser("formats", help="print what is read, in Markdown")
    formats.set_defaults(run=_formats)

    schema = commands.add_parser("schema", help="print what the API answers, as JSON Schema")
    schema.set_defaults(run=_schema)
    return parser


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, metavar="DATA", help="folder with an index.csv")
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), help="checkpoints and found faces"
    )
    parser.add_argument(
        "--model", type=Path, help="the weights; default: the setting DEEPFAKE_MODEL"
    )


def _predict(args: argparse.Namespace) -> int:
    from backend.cli.predict import predict
    from backend.settings import load_settings

    settings = load_settings()
    return predict(settings, args.paths, args.format, args.save_frames, args.out, args.resume)


def _serve(args: argparse.Namespace) -> int:
    from backend.settings import load_settings
    from backend.web.server import serve

    given = {"host": args.host, "port": args.port}
    serve(load_settings(**{name: value for name, value in given.items() if value is not None}))
    return ANSWERED


def _worker(args: argparse.Namespace) -> int:
    from backend.jobs.worker import work
    from backend.settings import load_settings

    work(load_settings())
    return ANSWERED


def _evaluate(args: argparse.Namespace) -> int:
    from backend.settings import load_settings
    from backend.training.evaluate.run import run

    settings = load_settings(**({"model": args.model} if args.model else {}))
    print(run(settings, args.data, args.runs, args.splits, args.out, args.card, args.quick))
    return ANSWERED


def _train(args: argparse.Namespace) -> int:
    from backend.settings import load_settings
    from backend.training.recipe import RECIPES, read_recipe
    from backend.training.train import train, train_member

    if args.voice:
        from backend.training.train_voice import train_voice

        model = args.model or load_settings().model.parent / "models" / "voice.h5"
        train_voice(args.data, args.runs, model, args.recipes or RECIPES)
        return ANSWERED
    model = args.model or load_settings().model
    recipes = args.recipes or RECIPES
    if args.member:
        train_member(args.data, args.runs, model, read_recipe(recipes / f"{args.member}.toml"))
    else:
        train(args.data, args.runs, model, recipes)
    return ANSWERED


def _calibrate(args: argparse.Namespace) -> int:
    from backend.settings import load_settings
    from backend.training.recalibrate import recalibrate

    model = args.model or load_settings().model
    print(recalibrate(args.data, args.runs, model, args.ensemble, args.default))
    return ANSWERED


def _bench(args: argparse.Namespace) -> int:
    from backend.bench.run import bench
    from backend.settings import load_settings

    return bench(load_settings(), args.quick, args.clips, args.out)


def _settings(args: argparse.Namespace) -> int:
    from backend.cli.settings_table import settings_table

    print(settings_table())
    return ANSWERED


def _formats(args: argparse.Namespace) -> int:
    from backend.media.formats import sentence, table

    print(f"{sentence()}\n\n{table()}")
    return ANSWERED


def _schema(args: argparse.Namespace) -> int:
    from backend.web.schema import answers_schema

    print(json.dumps(answers_schema(), indent=2))
    return ANSWERED
