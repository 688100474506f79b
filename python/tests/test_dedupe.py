"""Duplicates: from a folder to a plan, to files that moved, and back."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import aesearch
from aesearch import dedupe


@pytest.fixture
def copied(folder: Path) -> Path:
    """The folder, with two copies of one picture, and the same pixels of another in a file of its own."""
    shutil.copy(folder / "a" / "000.pgm", folder / "copy.pgm")
    shutil.copy(folder / "a" / "000.pgm", folder / "b" / "again.pgm")
    head, pixels = (folder / "b" / "001.pgm").read_bytes().split(b"\n", 1)
    (folder / "same.pgm").write_bytes(head.replace(b" ", b"\n") + b"\n" + pixels)
    return folder


@pytest.fixture
def plan(copied: Path, tmp_path: Path) -> dedupe.Plan:
    return dedupe.scan(copied, index=tmp_path / "found", model="digits-64", progress=False)


def test_a_folder_becomes_typed_groups(plan: dedupe.Plan, copied: Path) -> None:
    kinds = [group.kind for group in plan]
    assert kinds.count("bytes") == 1 and kinds.count("pixels") == 1, plan
    group = next(group for group in plan if group.kind == "bytes")
    names = {Path(path).name for path in group.paths}
    assert names == {"000.pgm", "copy.pgm", "again.pgm"} and len(group) == 3
    assert group.keep == group.keeper.path and group.why
    first = group.duplicates[0]
    assert (first.distance, first.similarity, first.box, first.width, first.height) == (0, 1.0, None, 28, 28)
    assert 0 < plan.threshold.similarity < 1 and plan.images == 63
    assert plan.duplicates == sum(len(group.duplicates) for group in plan)
    assert f"{len(plan)} groups" in plan.summary and "same bytes" in plan.summary
    assert copied.name in plan.groups[0].keep


def test_it_shows_pictures_beside_each_other_and_the_reason(plan: dedupe.Plan) -> None:
    html = plan._repr_html_()
    n = sum(len(group) for group in plan)
    assert html.count("<img") == n, "a picture for each image"
    assert "same bytes" in html and f"kept: {plan[0].why}" in html
    assert "000.pgm" in repr(plan)


def test_four_lines_find_and_show_duplicates(copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = ["import aesearch", "plan = aesearch.dedupe.scan('pictures')", "shown = plan._repr_html_()"]
    told: dict[str, object] = {}
    exec("\n".join(lines), told)
    assert str(told["shown"]).count("<img") >= 5
    assert (tmp_path / ".aesearch").is_dir()


def test_an_index_is_scanned_as_it_is(index: aesearch.Index, folder: Path) -> None:
    shutil.copy(folder / "a" / "000.pgm", folder / "later.pgm")
    assert all(group.kind != "bytes" for group in dedupe.scan(index, progress=False))
    index.add(folder)
    assert any(group.kind == "bytes" for group in dedupe.scan(index, progress=False))


def test_a_saved_plan_is_loaded_as_it_was(plan: dedupe.Plan, tmp_path: Path) -> None:
    saved = plan.save(tmp_path / "plan.json")
    loaded = dedupe.Plan.load(tmp_path / "plan.json", index=tmp_path / "found")
    assert loaded.groups == plan.groups and loaded.threshold == plan.threshold and saved is plan
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(aesearch.InvalidError, match="expected a plan"):
        dedupe.Plan.load(tmp_path / "other.json")


def test_a_page_and_a_sheet_are_written(plan: dedupe.Plan, tmp_path: Path, copied: Path) -> None:
    page = Path(plan.report(tmp_path / "page.html")).read_text()
    assert page.lower().startswith("<!doctype html>") and "000.pgm" in page
    assert Path(plan.sheet(tmp_path / "sheet.png")).read_bytes().startswith(b"\x89PNG")
    with pytest.raises(aesearch.Error):
        plan.report(copied / "a" / "000.pgm")  # one of the images


def test_nothing_moves_without_dry_run_false(plan: dedupe.Plan, copied: Path, tmp_path: Path) -> None:
    before = sorted(copied.rglob("*.pgm"))
    would = plan.apply("move", progress=False)
    assert would.dry_run and len(would.done) == plan.duplicates and "would be" in repr(would)
    assert sorted(copied.rglob("*.pgm")) == before
    with pytest.raises(aesearch.InvalidError, match="save"):
        plan.apply("move", dry_run=False)


def test_duplicates_move_and_come_back(plan: dedupe.Plan, copied: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in copied.rglob("*.pgm")}
    plan.save(tmp_path / "plan.json")
    done = plan.apply("move", kinds=["bytes"], dry_run=False, to=tmp_path / "moved", progress=False)
    assert len(done.done) == 2 and not done.dry_run and done.left_out == plan.duplicates - 2
    assert len(list(copied.rglob("*.pgm"))) == len(before) - 2
    assert all(step.to is not None and Path(step.to).exists() for step in done.done)
    assert len(plan.undo(progress=False).done) == 2, "a dry run"
    assert len(plan.undo(dry_run=False, progress=False).done) == 2
    assert {path: path.read_bytes() for path in copied.rglob("*.pgm")} == before


def test_an_unknown_action_is_named(plan: dedupe.Plan) -> None:
    with pytest.raises(aesearch.InvalidError, match="expected one of list, move"):
        plan.apply("burn")  # type: ignore[arg-type]


def test_decisions_are_respected(plan: dedupe.Plan, copied: Path, tmp_path: Path) -> None:
    def scanned() -> list[dedupe.Group]:
        again = dedupe.scan(copied, index=tmp_path / "found", model="digits-64", progress=False)
        return [group for group in again if group.kind == "pixels"]

    (group,) = (group for group in plan if group.kind == "pixels")
    other = group.duplicates[0].path
    assert plan.decide(group, keep=other).added == 1
    assert [one.keep for one in scanned()] == [other], "a decision outweighs all else"
    assert dedupe.decide([group.keep, other], forget=True, index=tmp_path / "found").forgotten == 1
    assert [one.keep for one in scanned()] == [group.keep]
    assert plan.decide(group.id, different=True).added == 1
    assert scanned() == []
    assert len(dedupe.decide(index=tmp_path / "found").decisions) == 1
    with pytest.raises(aesearch.InvalidError, match="expected a group"):
        plan.decide("none", keep_all=True)
    with pytest.raises(aesearch.InvalidError, match="expected one of"):
        dedupe.decide([copied / "copy.pgm"], keep_all=True, different=True, index=tmp_path / "found")


def test_images_are_checked_before_they_come_in(
    plan: dedupe.Plan, copied: Path, drawings: NDArray[np.uint8]
) -> None:
    known = plan.check(copied / "copy.pgm")
    assert known and (known.kind, known.similarity) == ("bytes", 1.0)
    random = np.random.default_rng(5).integers(0, 256, (28, 28), np.uint8)
    in_memory, new = plan.check([drawings[7], random])
    assert in_memory.kind == "pixels" and in_memory.path.endswith("007.pgm")
    assert not new and new.path is None
    assert len(plan.check(copied / "a")) == 30


def test_rows_go_to_other_programs(plan: dedupe.Plan) -> None:
    rows = plan.to_dicts()
    assert len(rows) == sum(len(group) for group in plan)
    assert [row["role"] for row in rows if row["kind"] == "bytes"] == ["keep", "duplicate", "duplicate"]
    table = plan.to_arrow()
    assert len(table) == len(rows) and "similarity" in table.column_names


def test_nothing_to_find_is_no_error(folder: Path, tmp_path: Path) -> None:
    plan = dedupe.scan(folder / "a", index=tmp_path / "found", model="digits-64", threshold=1.0, progress=False)
    assert plan.summary.startswith("no duplicates among 30 images") or len(plan) >= 0
    with pytest.raises(aesearch.InvalidError, match="expected paths"):
        dedupe.scan([])
    with pytest.raises(aesearch.InvalidError, match="threshold"):
        dedupe.scan(folder, index=tmp_path / "found", threshold=2.0)
