"""Where ONNX Runtime is: in the package ``onnxruntime`` of this interpreter, where it is installed."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path


def use_installed() -> None:
    """Tells the library of this interpreter and its ``onnxruntime``, unless the environment says otherwise."""
    os.environ.setdefault("AESEARCH_PYTHON", sys.executable or "python3")
    if os.environ.get("ORT_DYLIB_PATH"):
        return
    found = importlib.util.find_spec("onnxruntime")
    for package in (found.submodule_search_locations or []) if found else []:
        folder = Path(package) / "capi"
        if any(folder.glob("*onnxruntime.*")):
            os.environ["ORT_DYLIB_PATH"] = str(folder)
            return
