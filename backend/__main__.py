"""`python -m backend`: the command line."""

import sys

from backend.cli.commands import main

if __name__ == "__main__":  # the processes that make batches import this file again
    sys.exit(main())
