"""How a command ends: its exit codes, and what goes wrong in one sentence."""

from __future__ import annotations

import _thread
import os
import sys
import threading
from collections.abc import Callable

from backend.errors import SetupError

ANSWERED, SETUP_WRONG, INTERRUPTED, PIPE_CLOSED = 0, 2, 130, 141
TRAINING = ("sklearn", "torch")  # serving does without; a wheel brings them if it is asked to
NEEDED = "Training, evaluating and measuring need the packages of requirements-train.txt."


def answered(command: Callable[[], int | None]) -> int:
    """Run a command; what goes wrong with it is said in one sentence.

    Returns:
        The command's own exit code; 2 for wrong usage or installation, 130 when interrupted.
    """
    sys.unraisablehook = _interrupt_again
    try:
        code = command()
        sys.stdout.flush()
        return code or ANSWERED
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return SETUP_WRONG
    except ModuleNotFoundError as error:
        if error.name not in TRAINING:
            raise
        print(f"error: {error.name} is not installed. {NEEDED}", file=sys.stderr)
        return SETUP_WRONG
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has seen enough, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


def _interrupt_again(unraisable: sys.UnraisableHookArgs) -> None:
    """Ctrl-C that fell into a destructor, where Python drops what is raised, comes once more."""
    if unraisable.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(unraisable)
        return
    # From another thread and a moment later: raised in here, it would be dropped as well.
    again = threading.Timer(0.01, _thread.interrupt_main)
    again.daemon = True
    again.start()
