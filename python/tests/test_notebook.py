"""The notebook, run from top to bottom: with the digits that it draws, and with photos where they are at hand."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "tour.ipynb"
DATA = Path(os.environ.get("AESEARCH_DATA") or NOTEBOOK.parents[3] / "shared" / "data")


def run(folder: Path) -> list[Any]:
    """The cells of the notebook, run in ``folder``."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}})
    cells: list[Any] = client.execute().cells
    if keep := os.environ.get("AESEARCH_KEEP_NOTEBOOK"):
        nbformat.write(notebook, keep)
    return [cell for cell in cells if cell.cell_type == "code"]


def shown(cells: list[Any], start: str) -> tuple[str, str]:
    """What the cell that starts so shows, as text and as HTML."""
    cell = next(cell for cell in cells if cell.source.startswith(start) or f"\n{start}" in cell.source)
    data = [output.data for output in cell.outputs if "data" in output]
    return data[-1].get("text/plain", ""), data[-1].get("text/html", "")


def check(cells: list[Any], images: int) -> None:
    assert f"{images:,} images" in shown(cells, "index = ")[0]
    assert shown(cells, "index.query(")[1].count("<img") == 8
    text, html = shown(cells, "copies = ")
    assert "copy." in text and "same bytes" in html and html.count("<img") >= 4
    assert shown(cells, "plan.save")[0].startswith("(") and "(0, 0)" not in shown(cells, "plan.save")[0]
    assert "'bytes', 1.0" in shown(cells, "found = ")[0]
    assert shown(cells, "index.cluster")[1].count("cluster ") >= 10
    assert "data:image/png" in shown(cells, "index.map")[1]
    assert "most unusual" in shown(cells, "index.outliers")[1]
    assert "latent" in shown(cells, "index.to_arrow")[0]
    assert "epoch 20" in shown(cells, "result = ")[0]


def test_the_tour_runs_on_drawn_digits(tmp_path: Path) -> None:
    check(run(tmp_path), 400)


def test_the_tour_runs_on_a_sample_of_cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = DATA / "cifar10-train.tar.xz"
    if not archive.exists():
        pytest.skip(f"{archive} is not there")
    with tarfile.open(archive) as tar:
        wanted = (member for member in tar if member.isfile() and int(Path(member.name).stem) % 100 == 0)
        tar.extractall(tmp_path, members=wanted, filter="data")
    sample = tmp_path / "cifar10-train"
    monkeypatch.setenv("TOUR_IMAGES", str(sample))
    check(run(tmp_path), sum(1 for _ in sample.rglob("*.jpg")))


def test_what_is_committed_names_no_place_of_the_machine() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert '"outputs": [\n' in text, "it shows what it gives"
    for place in (str(Path.home()), "/tmp/", "/wo" + "rk/", "/site-packages/"):
        assert place not in text
