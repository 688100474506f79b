"""The examples of the documentation, run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from conftest import drawing

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("page", ["docs/python.md", "python/README.md", "README.md"])
def test_examples_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = pytest.importorskip("PIL.Image")
    monkeypatch.chdir(tmp_path)
    for n in range(60):
        file = tmp_path / "photos" / ("cats" if n % 2 else "dogs") / f"{n}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        image.fromarray(drawing(n)).resize((96, 96)).convert("RGB").save(file)
    image.fromarray(drawing(3)).resize((96, 96)).convert("RGB").save(tmp_path / "cat.jpg")
    names: dict[str, Any] = {"__name__": page}
    examples = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    if page != "README.md":
        assert examples
    for example in examples:
        exec(compile(example, page, "exec"), names)  # noqa: S102: our own words
