"""The command ``aesearch``, by the same library: ``python -m aesearch`` or ``aesearch``."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    from aesearch import _native
    from aesearch._runtime import use_installed

    use_installed()
    # The command handles Ctrl-C itself: by default it ends the process, and long commands commit first.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    code = _native.command_line(["aesearch", *map(os.fsencode, sys.argv[1:])])
    sys.stdout.flush()
    os._exit(code)  # nothing of Python is left to be done, and no thread is waited for


if __name__ == "__main__":
    main()
