"""The examples of docs/engines.md, run; those of engines that are not installed are left out, by name."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from itertools import chain
from pathlib import Path

import aesearch
import pyarrow.dataset
import pytest
from conftest import ROOT, codes_of, mnist

PAGE = ROOT / "docs" / "engines.md"
#: By heading: what is imported, and where the codes are written.
ENGINES = {"Ray Data": ("ray", "codes-ray"), "Daft": ("daft", "codes-daft"), "Dask": ("dask", "codes-dask")}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with `photos/` and an index of them."""
    image = pytest.importorskip("PIL.Image")
    for at, digit in enumerate(mnist(80)):
        file = tmp_path / "photos" / ("cats" if at % 2 else "dogs") / f"{at}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        image.fromarray(digit).resize((64, 64)).save(file)
    monkeypatch.chdir(tmp_path)
    aesearch.Index.create("photos.aesearch", model="digits-64", binarizer="itq").add("photos", progress=False)
    return tmp_path


@pytest.mark.parametrize("engine", list(ENGINES))
def test_other_engines_give_the_codes_of_the_index(engine: str, place: Path) -> None:
    module, folder = ENGINES[engine]
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    run(example(engine))
    rows = pyarrow.dataset.dataset(place / folder, format="parquet").to_table(columns=["path", "code"]).to_pylist()
    codes = {f"photos/{row['path'].split('/photos/')[-1].removeprefix('photos/')}": row["code"] for row in rows}
    assert codes == codes_of(aesearch.Index.open("photos.aesearch"))


def test_the_examples_of_spark_run(place: Path) -> None:
    run(example("The function", "Spark"))
    assert '"command": "dedupe scan"' in (place / "plan.json").read_text("utf-8")


def run(program: str) -> None:
    """A program, in a process of its own: engines look for each other."""
    environment = os.environ | {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr


def example(*headings: str) -> str:
    """The examples below these headings, as one program."""
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL))
    codes = [re.findall(r"^```python\n(.*?)^```", sections[name], re.MULTILINE | re.DOTALL) for name in headings]
    return "\n".join(chain.from_iterable(codes))
