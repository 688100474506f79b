"""Runs onnx.checker with full_check (types and shapes inferred and compared) over every .onnx file below the given folders.

usage: python onnx_check.py FOLDER...        needs the package `onnx`; exits with 1 when a file fails or none is found
"""

import pathlib
import sys

import onnx


def check(path):
    """The complaint about one file, or None."""
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        return None if model.metadata_props else "no metadata_props"
    except Exception as error:  # the checker raises its own types and those of protobuf
        return str(error)


def main(folders):
    paths = sorted(path for folder in folders for path in pathlib.Path(folder).rglob("*.onnx"))
    failed = 0
    for path in paths:
        complaint = check(path)
        failed += complaint is not None
        print(f"{'FAIL' if complaint else 'ok':4} {path}{': ' + complaint if complaint else ''}")
    print(f"onnx {onnx.__version__}: {len(paths) - failed} passed, {failed} failed")
    return 0 if paths and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
