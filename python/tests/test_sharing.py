"""Several objects of one index: handles, threads, processes, results that outlive a change."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import drawing
from numpy.typing import NDArray

import aesearch
from aesearch import dedupe


def made(tmp_path: Path, **how: Any) -> aesearch.Index:
    return aesearch.Index.create(tmp_path / "shared", model="digits-64", **how)


def test_numbers_go_on_from_the_newest_commit(tmp_path: Path, drawings: NDArray[np.uint8]) -> None:
    one = made(tmp_path)
    one.add(drawings[:5])
    other = aesearch.Index.open(one.path)
    one.add(drawings[5:10])
    report = other.add(drawings[10:15])
    assert (report.added, report.changed, report.images) == (5, 0, 15)
    assert sorted(other.names, key=int) == [str(n) for n in range(15)]
    for n in (3, 7, 12):
        assert other.query(drawings[n])[0].name == str(n), "none took the place of another"


def test_a_new_index_of_two_handles_keeps_all(tmp_path: Path, drawings: NDArray[np.uint8]) -> None:
    first, second = made(tmp_path), made(tmp_path)
    first.add(drawings[:5])
    assert second.add(drawings[5:10]).images == 10
    with pytest.raises(aesearch.InvalidError, match="expected no index yet"):
        made(tmp_path)


def test_threads_add_at_once_and_nothing_is_lost(tmp_path: Path, drawings: NDArray[np.uint8]) -> None:
    made(tmp_path).add(drawings[:1])
    handles = [aesearch.Index.open(tmp_path / "shared") for _ in range(3)]
    errors: list[BaseException] = []

    def add(index: aesearch.Index, some: NDArray[np.uint8]) -> None:
        try:
            for image in some:
                index.add(image, wait=True)
        except BaseException as error:  # noqa: BLE001: told below
            errors.append(error)

    threads = [
        threading.Thread(target=add, args=(index, drawings[1 + 4 * at : 5 + 4 * at]))
        for at, index in enumerate(handles)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    index = aesearch.Index.open(tmp_path / "shared")
    assert sorted(index.names, key=int) == [str(n) for n in range(13)]
    assert {index.query(image)[0].distance for image in drawings[:13]} == {0}


def test_a_scan_into_an_index_shows_in_it(tmp_path: Path, folder: Path, index: aesearch.Index) -> None:
    (folder / "more.pgm").write_bytes(b"P5 28 28 255\n" + drawing(77).tobytes())
    dedupe.scan(folder, index=index, progress=False)
    assert len(index) == 61


def test_results_keep_what_they_show(tmp_path: Path, drawings: NDArray[np.uint8]) -> None:
    index = made(tmp_path, thumbnails=64)
    index.add(drawings[:30])
    result = index.query(drawings[20], k=3)
    clusters = index.cluster(3, progress=False)
    before = result._repr_html_(), clusters._repr_html_()
    assert before[0].count("<img") == 3
    index.remove([str(n) for n in range(10)])  # the ids of the others are others now
    index.add({"new": drawings[40]})
    assert result._repr_html_().count("<img") == 3
    first = before[0].split("<img")[1]
    assert result._repr_html_().split("<img")[1] == first
    assert clusters._repr_html_().count("cluster ") == before[1].count("cluster ")


def test_an_id_that_is_not_there_is_an_error(index: aesearch.Index) -> None:
    with pytest.raises(aesearch.NotFoundError, match="1000000"):
        index._native.names([10**6])


def test_indexes_are_pickled_as_they_were_made(
    tmp_path: Path, drawings: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    empty = aesearch.Index.create("relative", model="digits-64", thumbnails=48, threads=1)
    text = pickle.dumps(empty)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = pickle.loads(text)
    assert len(again) == 0 and again.path == str(tmp_path / "relative")
    again.add(drawings[:3])
    assert again.info["model"] == "digits-64" and again._repr_html_().count("<img") == 3, "with its thumbnails"
    assert len(pickle.loads(text)) == 3, "by now it is there"
    assert again._settings["threads"] == 1


def test_a_closed_index_says_so(index: aesearch.Index, folder: Path) -> None:
    values = index.latents().values
    before = values.copy()
    with index:
        result = index.query(folder / "a" / "000.pgm", k=2)
    for call in (lambda: len(index), index.codes, index.reload, index.verify, lambda: index.add(folder)):
        with pytest.raises(aesearch.InvalidError, match="was closed"):
            call()
    assert np.array_equal(values, before) and result._repr_html_().count("<img") == 2, "these keep what they show"
    assert len(aesearch.Index.open(index.path)) == 60


def test_an_index_lets_go_of_its_files(tmp_path: Path, drawings: NDArray[np.uint8]) -> None:
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("only Linux tells what is mapped")
    with made(tmp_path) as index:
        index.add(drawings)
        assert "/shared/" in maps.read_text()
    assert "/shared/" not in maps.read_text()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_calls_after_a_fork_are_refused_instead_of_hanging(index: aesearch.Index) -> None:
    program = """
import os, sys, numpy as np, aesearch
image = np.eye(28, dtype=np.uint8)
early = os.fork()
if early == 0:  # nothing was called before: this process starts threads of its own
    os._exit(0 if len(aesearch.Index.open(sys.argv[1]).query(image)) else 1)
assert os.waitpid(early, 0)[1] == 0
index = aesearch.Index.open(sys.argv[1])
index.query([image, image])
child = os.fork()
if child == 0:
    try:
        index.query_codes(index.codes())
    except aesearch.UnsupportedError as error:
        os._exit(0 if "spawn" in str(error) and "fork" in str(error) else 2)
    os._exit(1)
assert os.waitpid(child, 0)[1] == 0
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program, index.path], timeout=300, check=False)
    assert done.returncode == 0


def test_an_index_is_verified_and_fitted_anew(index: aesearch.Index) -> None:
    assert index.verify() == []
    assert index.refit(progress=False).images == 60 == len(index)
    damaged = sorted(Path(index.path).glob("*.seg"))[-1]
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    wrong = index.verify()
    assert wrong and wrong[0].path == str(damaged) and wrong[0].detail


def test_what_is_gone_as_a_whole_leaves_only_when_asked(index: aesearch.Index, folder: Path) -> None:
    for file in (folder / "a").iterdir():
        file.unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", aesearch.AesearchWarning)
        assert index.add(folder / "a", progress=False).images == 60, "a drive may not be mounted"
        assert index.add(folder / "a", prune=True, progress=False).removed == 30 == len(index)
