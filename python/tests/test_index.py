"""Index: add, query, look at."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import drawing
from numpy.typing import NDArray

import aesearch


class Tensor:
    """Stands for an array of another library."""

    def __init__(self, values: NDArray[Any]) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self.values


def new(tmp_path: Path, **how: Any) -> aesearch.Index:
    return aesearch.Index.create(tmp_path / "new", model="digits-64", **how)


def test_a_folder_is_indexed_and_each_image_finds_itself(index: aesearch.Index, folder: Path) -> None:
    result = index.query(folder / "a" / "000.pgm", k=3)
    assert len(result) == 3 and len(index) == 60
    assert result[0].name == str(folder / "a" / "000.pgm")
    assert (result[0].distance, result[0].label) == (0, "a")
    assert result.similarities.dtype == np.float32 and result.distances.tolist()[0] == 0
    assert list(result.similarities) == sorted(result.similarities, reverse=True)
    assert [hit.id for hit in result] == result.ids.tolist()


def test_adding_a_folder_again_takes_what_changed(index: aesearch.Index, folder: Path) -> None:
    (folder / "a" / "000.pgm").unlink()
    (folder / "b" / "new.pgm").write_bytes(b"P5 28 28 255\n" + drawing(99).tobytes())
    (folder / "b" / "broken.png").write_bytes(b"no picture")
    with pytest.warns(aesearch.SkippedWarning, match=r"1 image was skipped: .*broken\.png"):
        report = index.add([folder])
    assert (report.added, report.removed, report.unchanged, report.images) == (1, 1, 59, 60)
    assert report.skipped[0].name == str(folder / "b" / "broken.png")


def test_queries_of_every_kind_give_the_same(index: aesearch.Index, folder: Path, drawings: NDArray[np.uint8]) -> None:
    image = pytest.importorskip("PIL.Image")
    path = folder / "b" / "007.pgm"
    expected = index.query(path)
    one = drawings[7]
    colour = np.stack([one] * 3, axis=2)
    assert expected.names[0] == str(path)
    for query in (
        path.read_bytes(),
        one,
        one[:, :, np.newaxis],
        one / 255,
        colour,
        Tensor(np.moveaxis(colour, 2, 0)),
        Tensor(one[np.newaxis]),
        np.dstack([colour, np.full((28, 28), 255, np.uint8)]),
        one.astype(np.int64),
        image.open(path),
        image.fromarray(colour),
        image.fromarray(one).convert("RGBA"),
        image.fromarray(one).convert("P"),
    ):
        result = index.query(query)
        assert result.names == expected.names
        np.testing.assert_allclose(result.similarities, expected.similarities, atol=2e-3)


def test_several_queries_come_back_in_order(index: aesearch.Index, drawings: NDArray[np.uint8]) -> None:
    def generator() -> Iterator[Any]:
        yield from drawings[:20]
        yield b"no picture"

    stacked = drawings[:20, :, :, np.newaxis]
    for queries in (drawings[:20], stacked, np.moveaxis(stacked, 3, 1), list(drawings[:20])):
        results = index.query(queries, k=1)
        assert [Path(result.names[0]).stem for result in results] == [f"{n:03}" for n in range(20)]
    with pytest.warns(aesearch.SkippedWarning, match="query 20"):
        *_, broken = index.query(generator(), k=1)
    assert len(broken) == 0 and "format" in (broken.skipped or "")
    with pytest.raises(aesearch.InvalidError, match="query 0"):
        index.query(b"no picture")


def test_where_and_other_options(index: aesearch.Index, folder: Path, drawings: NDArray[np.uint8]) -> None:
    assert set(index.query(drawings[0], k=60, where="label = b").labels) == {"b"}
    assert len(index.select("label = a")) == 30
    path = folder / "a" / "002.pgm"
    assert str(path) not in index.query(path, k=60, without_self=True).names
    assert index.query(drawings[3], radius=0).distances.tolist() == [0]
    with pytest.raises(aesearch.InvalidError, match="where"):
        index.query(drawings[0], where="label =")
    with pytest.raises(aesearch.InvalidError, match="k: expected a whole number of at least 1, got 0"):
        index.query(drawings[0], k=0)


def test_images_in_memory(tmp_path: Path, drawings: NDArray[np.uint8]) -> None:
    index = new(tmp_path)
    assert len(index) == 0 and "empty" in repr(index)
    report = index.add(drawings[:30], labels=("odd" if n % 2 else "even" for n in range(30)))
    assert (report.added, report.images, report.model) == (30, 30, "digits-64")
    assert set(index.names) == {str(n) for n in range(30)}
    assert index.query(drawings[7])[0].name == "7" and index.query(drawings[7])[0].label == "odd"
    index.add(iter(drawings[30:40]))  # numbered on
    assert index.query(drawings[35])[0].name == "35"
    index.add({"by name": drawings[40], "b": drawings[41]})
    index.add([drawings[42]], names=["listed"])
    index.add(drawings[43], names="alone", labels="x")
    assert index.query(drawings[40])[0].name == "by name"
    assert index.query(drawings[43])[0].label == "x"
    assert len(index) == 44
    report = index.add({"alone": drawings[44]})
    assert (report.changed, len(index)) == (1, 44)
    assert index.remove("alone") == 1 and len(index) == 43
    with pytest.raises(aesearch.InvalidError, match="holds no image"):
        index.remove("alone")
    with pytest.raises(aesearch.InvalidError, match="names: expected one for each"):
        index.add(drawings[:2], names=["only one"])
    again = aesearch.Index.open(index.path)
    assert again.query(drawings[7])[0].name == "7"


def test_what_came_from_memory_stays_when_folders_are_added(index: aesearch.Index, folder: Path) -> None:
    index.add({"mine": drawing(500)})
    report = index.add(folder)
    assert (report.removed, report.images) == (0, 61)


def test_a_stream_is_not_collected(tmp_path: Path) -> None:
    index = new(tmp_path)
    asked = done = 0

    def endless() -> Iterator[NDArray[np.uint8]]:
        nonlocal asked
        image = drawing(0)
        while True:
            asked += 1
            yield image + np.uint8(asked % 7)

    def listen(stage: str, now: int, total: int) -> None:
        nonlocal done
        done = now
        if now >= 4000:
            raise StopAsyncIteration

    with pytest.raises(StopAsyncIteration):
        index.add(endless(), progress=listen)
    assert 4000 <= len(index) <= asked <= len(index) + 64 * 4 * (os.cpu_count() or 1)


def test_a_generator_that_fails_keeps_what_came_before(tmp_path: Path, drawings: NDArray[np.uint8]) -> None:
    def failing() -> Iterator[NDArray[np.uint8]]:
        yield from drawings[:5]
        raise KeyError("mine")

    index = new(tmp_path)
    with pytest.raises(KeyError, match="mine"):
        index.add(failing())
    assert len(index) == 0 and not (tmp_path / "new").exists(), "they are too few to decide about a new index"
    index.add(drawings[:2])
    with pytest.raises(KeyError, match="mine"):
        index.add(failing())
    assert len(index) == 7
    with pytest.raises(aesearch.InvalidError, match=r"image 0: expected .* got shape"):
        index.add([np.zeros((3, 4, 5, 6), np.uint8)])


def test_images_that_are_none_are_refused_by_name(tmp_path: Path) -> None:
    index: Any = new(tmp_path)
    for wrong, said in (
        (np.full((4, 4), 2.5), "0 to 1"),
        (np.full((4, 4), 300), "0 to 255"),
        (np.zeros((4, 4), complex), "complex"),
        (5, "got int"),
    ):
        with pytest.raises(aesearch.InvalidError, match=said):
            index.add(wrong)


def test_codes_are_queried_without_objects(index: aesearch.Index) -> None:
    codes = index.codes()
    assert codes.shape == (60, 1) and codes.dtype == np.uint64
    ids, distances = index.query_codes(codes, k=3)
    assert ids.shape == distances.shape == (60, 3) and ids.dtype == np.int64
    as_bytes = index.query_codes(codes.view(np.uint8), k=3)
    assert np.array_equal(ids, as_bytes[0]) and np.array_equal(distances, as_bytes[1])
    every, apart = index.query_codes(codes, k=70, exact=True)
    truth = np.bitwise_count(codes[:, None, 0] ^ codes[None, :, 0]) if hasattr(np, "bitwise_count") else None
    assert every.shape == apart.shape == (60, 60) and (every >= 0).all(), "no more columns than images"
    few, _ = index.query_codes(codes, k=5, where="label = a and width > 99")
    assert few.shape == (60, 5) and (few == -1).all()
    if truth is not None:
        assert np.array_equal(np.sort(truth, axis=1), apart)
    with pytest.raises(aesearch.InvalidError, match="uint8"):
        index.query_codes([[1, 2, 3]])


def test_latents_lie_in_the_map(index: aesearch.Index, folder: Path) -> None:
    values, scales = index.latents()
    address = values.__array_interface__["data"][0]
    assert values.shape == (60, 64) and values.dtype == np.int8 and not values.flags.writeable
    if sys.platform == "linux":
        assert _mapped_file(address).startswith(index.path), "no copy"
        assert _mapped_file(scales.__array_interface__["data"][0]).startswith(index.path)
    before = values.copy()
    index.add({"another": drawing(1000)})  # a second segment, and another commit is shown
    del index
    gc.collect()
    assert np.array_equal(values, before), "the array keeps its map"


def test_latents_in_pieces_are_copied(index: aesearch.Index) -> None:
    index.remove(index.names[0])
    latents = index.latents()
    assert latents.values.shape == (59, 64) and latents.floats().dtype == np.float32
    cosine = latents.floats()[0] @ latents.floats()[0]
    assert cosine > 0


def _mapped_file(address: int) -> str:
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, *_, path = line.split(maxsplit=5) + [""] * (6 - len(line.split(maxsplit=5)))
        first, last = (int(part, 16) for part in span.split("-"))
        if first <= address < last:
            return path
    return ""


def test_threads_share_an_index(index: aesearch.Index, drawings: NDArray[np.uint8]) -> None:
    alone = [index.query(image, k=5).names for image in drawings]
    answers: dict[int, list[list[str]]] = {}

    def ask(thread: int) -> None:
        order = [(n * 7 + thread * 5) % 60 for n in range(60)]
        found = {n: index.query(drawings[n], k=5).names for n in order}
        answers[thread] = [found[n] for n in range(60)]

    threads = [threading.Thread(target=ask, args=(thread,)) for thread in range(12)]
    for thread in threads:
        thread.start()
    index.add({"meanwhile": np.zeros((28, 28), np.uint8)})
    for thread in threads:
        thread.join()
    assert len(answers) == 12
    blank = "meanwhile"
    for found in answers.values():
        same = [[n for n in names if n != blank] for names in found]
        assert [names[:4] for names in same] == [[n for n in names if n != blank][:4] for names in alone]


def test_the_lock_of_the_interpreter_is_released(index: aesearch.Index, drawings: NDArray[np.uint8]) -> None:
    ticks = 0
    stop = threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not stop.wait(0.001):
            ticks += 1

    thread = threading.Thread(target=tick)
    thread.start()
    index.add(np.random.default_rng(1).integers(0, 255, (20_000, 28, 28), np.uint8))
    stop.set()
    thread.join()
    assert ticks > 20


def test_progress_is_told(tmp_path: Path, drawings: NDArray[np.uint8], capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[tuple[str, int, int]] = []
    new(tmp_path).add(drawings, progress=lambda *progress: heard.append(progress))
    assert heard[-1][1:] == (60, 60)
    pytest.importorskip("tqdm")
    aesearch.Index.create(tmp_path / "other", model="digits-64").add(drawings, progress=True)
    assert "60" in capsys.readouterr().err
    aesearch.Index.create(tmp_path / "third", model="digits-64").add(drawings)
    assert capsys.readouterr().err == "", "nobody looks"


def test_ctrl_c_ends_a_long_call_and_what_was_done_stays(tmp_path: Path) -> None:
    program = """
import sys, numpy as np, aesearch
index = aesearch.Index.create(sys.argv[1], model="digits-64")
def images():
    random = np.random.default_rng(0)
    while True:
        yield random.integers(0, 255, (28, 28), np.uint8)
try:
    index.add(images(), progress=lambda stage, done, total: print(done, flush=True))
except KeyboardInterrupt:
    print("interrupted", len(index))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program, tmp_path / "index"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    for line in process.stdout:
        if int(line) > 500:
            break
    process.send_signal(signal.SIGINT)
    rest = process.stdout.read().split()
    assert process.wait(60) == 0 and rest[-2] == "interrupted"
    assert int(rest[-1]) == len(aesearch.Index.open(tmp_path / "index")) >= 500


def test_errors_have_kinds(tmp_path: Path, index: aesearch.Index) -> None:
    with pytest.raises(aesearch.NotFoundError, match="no index") as raised:
        aesearch.Index.open(tmp_path / "nowhere")
    assert "Index.create" in (raised.value.hint or "") and isinstance(raised.value, aesearch.Error)
    with pytest.raises(aesearch.InvalidError, match="Index.open"):
        aesearch.Index.create(index.path)
    with pytest.raises(aesearch.NotFoundError, match="no model"):
        aesearch.Encoder("no such model")
    with pytest.raises(aesearch.Error):
        new(tmp_path).query(drawing(0))
    manifest = Path(index.path) / "MANIFEST"
    manifest.write_bytes(manifest.read_bytes()[:-5] + b"wrong")
    with pytest.raises(aesearch.DamagedError):
        aesearch.Index.open(index.path)


def test_only_one_writes(index: aesearch.Index, drawings: NDArray[np.uint8]) -> None:
    errors: list[BaseException] = []

    def inside() -> Iterator[NDArray[np.uint8]]:
        yield drawings[0] // 2
        try:
            index.add({"inner": drawings[1] // 2})
        except aesearch.LockedError as error:
            errors.append(error)

    index.add(inside(), names=["outer"])
    assert len(errors) == 1


def test_notebooks_see_pictures_and_no_markup(index: aesearch.Index, tmp_path: Path) -> None:
    html = index.query(drawing(0))._repr_html_()
    assert html.count("<img") == 10 and html.count("data:image/jpeg;base64,") == 10
    assert index._repr_html_().count("<img") == 12 and "60 images" in index._repr_html_()
    hostile = new(tmp_path, thumbnails=64)
    hostile.add({"<script>alert(1)</script>": drawing(1)}, labels=["\"onload='x'"])
    html = hostile.query(drawing(1))._repr_html_() + hostile._repr_html_()
    assert "<script" not in html and "\"onload='x'" not in html
    assert html.count("<img") == 2, "thumbnails show what came from memory"


def test_indexes_and_results_describe_themselves(index: aesearch.Index) -> None:
    assert "60 images, 64 bits, model digits-64" in repr(index)
    result = index.query(drawing(3), k=2)
    lines = repr(result).splitlines()
    assert len(lines) == 3 and "0 bits" in lines[1] and "003.pgm" in lines[1]
    assert set(result.to_dict()) == {"name", "label", "distance", "similarity", "near", "id"}
    assert len(pickle.loads(pickle.dumps(index))) == 60
    with pytest.raises(TypeError, match=r"Index\.open\(path\)"):
        aesearch.Index(index.path)  # type: ignore[arg-type]
    with index as same:
        assert same.info["images"] == 60 and same.info["binarizer"] == "sign"


def test_nothing_is_warned_of_without_cause(tmp_path: Path, drawings: NDArray[np.uint8]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", aesearch.SkippedWarning)
        new(tmp_path).add(drawings, progress=False)
