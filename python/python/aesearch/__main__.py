"""The command ``aesearch``, by the same library: ``python -m aesearch`` or ``aesearch``."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    from aesearch import _native

    # The command handles Ctrl-C itself: by default it ends the process, and long commands commit first.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ.setdefault("AESEARCH_PYTHON", sys.executable or "python3")  # whose ONNX Runtime to take
    sys.exit(_native.command_line(["aesearch", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
