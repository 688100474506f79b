"""The examples of docs/engines.md for databases, run on files that `aesearch encode` writes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, aesearch

PAGE = ROOT / "docs" / "engines.md"
#: By heading: what is imported.
ENGINES = {"DuckDB": "duckdb", "LanceDB": "lancedb", "Qdrant": "qdrant_edge"}


@pytest.fixture(scope="module")
def files(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `photos/`, an index of them, and their codes in a file."""
    folder = tmp_path_factory.mktemp("files")
    for name, digit in (("cats", 3), ("dogs", 8)):
        shutil.copytree(collection / "digits" / str(digit), folder / "photos" / name)
        for at in range(200):
            path = folder / "photos" / name / f"{at:04}.png"
            path.rename(path.with_name(f"{at}.png"))
    for command in (["index", "photos", "--index", "photos.aesearch"], ["encode", "photos", "--binarizer", "photos.aesearch", "-o", "codes.parquet"]):
        done = aesearch(*command, cwd=folder)
        assert done.code == 0, done.err
    return folder


@pytest.mark.parametrize("engine", list(ENGINES))
def test_databases_find_what_the_index_finds(engine: str, files: Path) -> None:
    pytest.importorskip(ENGINES[engine])
    text = example(engine)
    assert len([line for line in text.splitlines() if line.strip()]) <= 20
    program = text + "\nimport json\nprint(json.dumps(nearest))\n"
    done = subprocess.run([sys.executable, "-c", program], cwd=files, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    nearest = json.loads(done.stdout.splitlines()[-1])
    words = ["photos/cats/1.png", "--index", "photos.aesearch", "--exact", "--rerank", "0", "-k", "400", "--json"]
    true = {hit["path"]: hit["distance"] for hit in aesearch("query", *words, cwd=files).document["queries"][0]["hits"]}
    assert [distance for _, distance in nearest] == sorted(true.values())[:10]
    assert len({path for path, _ in nearest}) == 10 and all(true[path] == distance for path, distance in nearest)


def example(heading: str) -> str:
    """The example below a heading."""
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL))
    return "\n".join(re.findall(r"^```python\n(.*?)^```", sections[heading], re.MULTILINE | re.DOTALL))
