"""What the library is told of this interpreter: where its ONNX Runtime is, and when it was forked."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from aesearch import _native


def introduce() -> None:
    """Tells the library of this interpreter and its package ``onnxruntime``.

    A version that the library cannot use is passed over there, and another one looked for.
    """
    python = None if os.environ.get("AESEARCH_PYTHON") else sys.executable or None
    _native.use_interpreter(python, _installed())
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_native.after_fork)


def _installed() -> str | None:
    """The folder of the library in the package ``onnxruntime``, where it is installed."""
    try:
        found = importlib.util.find_spec("onnxruntime")
    except (ImportError, ValueError):  # somebody put something else in its place
        return None
    for package in (found.submodule_search_locations or []) if found else []:
        folder = Path(package) / "capi"
        if any(folder.glob("*onnxruntime.*")):
            return str(folder)
    return None
