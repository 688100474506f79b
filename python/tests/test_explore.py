"""A collection as a whole."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import aesearch


def test_clusters_hold_all_images_once(index: aesearch.Index) -> None:
    found = index.cluster(4, progress=False)
    assert found.k == 4 and len(found) == 60
    members = np.sort(np.concatenate([cluster.members for cluster in found]))
    assert np.array_equal(members, np.arange(60))
    for at, cluster in enumerate(found):
        assert np.array_equal(np.sort(cluster.members), np.flatnonzero(found.assignment == at))
        assert cluster.name in found.names[cluster.medoid]
    assert found.assignment.dtype == np.int32 and found.distances.dtype == np.float32
    assert found.names == sorted(found.names)
    assert index.cluster(4, progress=False).assignment.tolist() == found.assignment.tolist()
    html = found._repr_html_()
    assert html.count("cluster ") >= 4 and html.count("<img") == sum(min(len(cluster), 9) for cluster in found)
    assert "4 by" in repr(found)


def test_the_number_of_clusters_may_be_chosen(index: aesearch.Index) -> None:
    found = index.cluster(max_k=6, progress=False)
    assert [k for k, _ in found.tried] == list(range(2, 7))
    assert found.k == max(found.tried, key=lambda tried: tried[1])[0]
    with pytest.raises(aesearch.InvalidError, match="k: expected"):
        index.cluster(0)
    with pytest.raises(aesearch.InvalidError, match="at most 60"):
        index.cluster(61)
    with pytest.raises(aesearch.InvalidError, match="method"):
        index.cluster(2, method="magic")  # type: ignore[arg-type]


def test_labels_and_expressions_count(index: aesearch.Index) -> None:
    found = index.cluster(2, labels="folder", progress=False)
    assert found.agreement is not None and set(found.agreement) == {"purity", "nmi", "ari", "accuracy"}
    assert {label for label in found.labels} == {"a", "b"}
    half = index.cluster(2, labels="folder", where="label = a", progress=False)
    assert len(half) == 30 and set(half.labels) == {"a"}


def test_a_map_is_an_array_and_a_picture(index: aesearch.Index, tmp_path: Path) -> None:
    found = index.map(method="pca", colour_by="cluster", k=3, progress=False)
    assert found.points.shape == (60, 2) and found.points.dtype == np.float32 and np.isfinite(found.points).all()
    assert len(found.group_names) == 3 and set(found.groups.tolist()) == {0, 1, 2}
    assert found.picture().startswith(b"\x89PNG") and "data:image/png" in found._repr_html_()
    assert Path(found.save(tmp_path / "map.svg")).read_text().lstrip().startswith("<svg")
    with pytest.raises(aesearch.Error):
        found.save(tmp_path / "map.doc")


def test_tsne_is_the_same_again(index: aesearch.Index) -> None:
    first, second = (index.map(perplexity=5, progress=False) for _ in range(2))
    assert np.array_equal(first.points, second.points)


def test_outliers_are_ranked_and_faults_named(tmp_path: Path, folder: Path) -> None:
    (folder / "a" / "blank.pgm").write_bytes(b"P5 28 28 255\n" + bytes(28 * 28))
    index = aesearch.Index.create(tmp_path / "with-blank", model="digits-64")
    index.add(folder)
    found = index.outliers(neighbours=3, progress=False)
    assert found.scores.shape == (61,) and np.nanmin(found.scores) >= 0 and np.nanmax(found.scores) <= 1
    assert np.array_equal(np.sort(found.order), np.arange(61))
    assert [found.names[row] for row in found.flagged][0].endswith("blank.pgm")
    assert "near-constant" in found.flags[found.flagged[0]]
    assert "<img" in found._repr_html_() and "1 with a fault" in repr(found)
    unread = index.outliers(read=False, progress=False)
    assert np.isnan(unread.reconstruction_ranks).all() and not np.isnan(found.reconstruction_ranks).all()


def test_a_page_is_written(index: aesearch.Index, tmp_path: Path) -> None:
    done = index.report(tmp_path / "page.html", map="pca", duplicates=False, progress=False)
    assert Path(done.path).stat().st_size == done.bytes and done.duplicates is None and done.clusters > 0
    assert "page.html" in done._repr_html_()


def test_evaluation_has_figures(index: aesearch.Index) -> None:
    found = index.evaluate(pixels=False, labels="folder", progress=False)
    assert (found.images, found.queries, found.bits) == (60, 60, 64)
    assert found.map is not None and 0 <= found.map <= 1 and found.recall_10 > 0.9
    assert index.evaluate(pixels=False, labels="none", progress=False).map is None
    assert "recall_10" in found._repr_html_()


def test_exports_are_files(index: aesearch.Index, tmp_path: Path) -> None:
    done = index.export(tmp_path / "all.csv", parts=["cluster", "codes"], progress=False)
    lines = (tmp_path / "all.csv").read_text().splitlines()
    assert len(lines) == 61 and lines[0].split(",") == done.columns and "code" in done.columns
    assert list(done.files.values()) == [(tmp_path / "all.csv").stat().st_size]
    with pytest.raises(aesearch.InvalidError, match="table, embedding-atlas"):
        index.export(tmp_path / "x", to="paper")  # type: ignore[arg-type]


def test_what_a_progress_function_raises_ends_the_call(index: aesearch.Index) -> None:
    def never(stage: str, done: int, total: int) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        index.outliers(progress=never)


def test_the_table_of_an_index_is_that_of_arrow(index: aesearch.Index) -> None:
    table = index.to_arrow(labels="folder")
    assert len(table) == 60
    assert table.column_names[:2] == ["name", "label"] and table.column_names[-2:] == ["code", "latent"]
    pyarrow = pytest.importorskip("pyarrow")
    read = pyarrow.table(table)
    read.validate(full=True)
    names = sorted(index.names)
    assert read["name"].to_pylist() == names
    assert read.schema.field("code").type == pyarrow.binary(8)
    assert read.schema.field("latent").type.list_size == index.info["latent_size"]
    by_name = dict(zip(index.names, index.codes(), strict=True))
    assert read["code"].to_pylist() == [by_name[name].tobytes() for name in names]
    latents = np.array(read["latent"].to_pylist(), np.float32)
    own = dict(zip(index.names, index.latents().floats(), strict=True))
    expected = np.stack([own[name] / np.linalg.norm(own[name]) for name in names])
    np.testing.assert_allclose(latents, expected, atol=1e-6)
    assert read["width"].to_pylist() == [28] * 60 and set(read["label"].to_pylist()) == {"a", "b"}
    batch = pyarrow.record_batch(table)
    assert batch.num_rows == 60, "as an array, too"
    assert pyarrow.table(index).num_rows == 60, "and the index itself"
    assert "latent" not in index.to_arrow(latents=False, metadata=False).column_names


def test_tables_outlive_what_they_are_of(index: aesearch.Index) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    read = pyarrow.table(index.cluster(3, progress=False).to_arrow())
    del index
    assert sum(read["cluster"].to_pylist()) >= 0 and read.num_rows == 60


@pytest.mark.parametrize("program", ["polars", "duckdb"])
def test_other_programs_take_tables(index: aesearch.Index, program: str) -> None:
    pytest.importorskip(program)
    table = index.to_arrow(labels="folder")
    if program == "polars":
        read = sys.modules["polars"].DataFrame(table)
        assert read.shape == (60, len(table.column_names)) and read["name"][0] == min(index.names)
    else:
        connection = sys.modules["duckdb"].connect()
        connection.register("images", table)
        found = connection.execute("select label, count(*) from images group by label order by label").fetchall()
        assert found == [("a", 30), ("b", 30)]
