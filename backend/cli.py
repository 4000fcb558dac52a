"""The command line: `python -m backend predict | serve | settings`.

Each command is a function with its own imports, so that one never loads what another needs.
"""

from __future__ import annotations

import argparse
import os
import sys

from backend.errors import SetupError

ANSWERED, SETUP_WRONG, INTERRUPTED, PIPE_CLOSED = 0, 2, 130, 141


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code: 0 all was answered, 2 wrong usage or installation, 3 some files were not
        answered, 130 interrupted.
    """
    args = _parser().parse_args(argv)
    try:
        code = args.run(args)
        sys.stdout.flush()
        return code
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return SETUP_WRONG
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has seen enough, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m backend", description="Tells whether the faces in a file were manipulated."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    predict = commands.add_parser("predict", help="judge files, without a server")
    predict.add_argument("paths", nargs="+", metavar="PATH", help="a file, a folder or a glob")
    predict.add_argument(
        "--format", choices=("table", "jsonl"), default="table", help="default: table"
    )
    predict.add_argument(
        "--save-frames", metavar="DIR", help="save the annotated pictures, in a folder for each file"
    )
    predict.set_defaults(run=_predict)

    serve = commands.add_parser("serve", help="serve the page and the API")
    serve.add_argument("--host", help="default: the setting DEEPFAKE_HOST")
    serve.add_argument("--port", type=int, help="default: the setting DEEPFAKE_PORT")
    serve.set_defaults(run=_serve)

    settings = commands.add_parser("settings", help="print the table of settings, in Markdown")
    settings.set_defaults(run=_settings)
    return parser


def _predict(args: argparse.Namespace) -> int:
    from backend.predict import predict
    from backend.settings import load_settings

    return predict(load_settings(), args.paths, args.format, args.save_frames)


def _serve(args: argparse.Namespace) -> int:
    from backend.server import serve
    from backend.settings import load_settings

    given = {"host": args.host, "port": args.port}
    serve(load_settings(**{name: value for name, value in given.items() if value is not None}))
    return ANSWERED


def _settings(args: argparse.Namespace) -> int:
    from backend.settings import settings_table

    print(settings_table())
    return ANSWERED
