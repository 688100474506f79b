"""Arguments that cannot be used, and what is said of them."""

from __future__ import annotations

import inspect
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import drawing
from numpy.typing import NDArray

import aesearch
from aesearch import dedupe

ROOT = Path(__file__).resolve().parents[2]


def new(tmp_path: Path, **how: Any) -> aesearch.Index:
    return aesearch.Index.create(tmp_path / "new", model="digits-64", **how)


@pytest.mark.parametrize("k", [10**6, 10**9, 10**12, 2**62])
def test_more_hits_than_there_are_images_take_no_memory(index: aesearch.Index, k: int) -> None:
    ids, distances = index.query_codes(index.codes(), k=k)
    assert ids.shape == distances.shape == (60, 60) and (ids >= 0).all()
    assert len(index.query(drawing(0), k=k)) == 60
    assert len(index.query(drawing(0), k=3, rerank=2**62)) == 3
    assert len(aesearch.Index.open(index.path, threads=k).query([drawing(0)] * 3)) == 3


@pytest.mark.parametrize("width", [2, 4, 7, 9, 16])
@pytest.mark.parametrize("rows", [1, 2, 8])
def test_codes_of_another_width_are_refused(index: aesearch.Index, width: int, rows: int) -> None:
    with pytest.raises(aesearch.InvalidError, match=r"expected uint8 \[Q, 8\] for 64 bits"):
        index.query_codes(np.zeros((rows, width), np.uint8))
    with pytest.raises(aesearch.InvalidError, match=r"expected uint64 \[Q, 1\] for 64 bits"):
        index.query_codes(np.zeros((rows, width), np.uint64))


def test_codes_of_fewer_bits_than_a_word_find_themselves(tmp_path: Path, drawings: NDArray[np.uint8]) -> None:
    index = aesearch.Index.create(tmp_path / "short", model="digits-64", binarizer="itq", bits=40)
    index.add(drawings)
    codes = index.codes()
    assert codes.shape == (60, 1)
    ids, distances = index.query_codes(codes, k=1)
    assert ids.shape == (60, 1) and (distances == 0).all()
    as_bytes = codes.view(np.uint8)[:, :5]
    assert np.array_equal(index.query_codes(as_bytes, k=1)[0], ids)
    with pytest.raises(aesearch.InvalidError, match=r"\[Q, 5\] for 40 bits"):
        index.query_codes(codes.view(np.uint8))


@pytest.mark.parametrize(
    ("names", "labels"), [(1, None), (3, None), (None, 1), (None, 3), (2, 4), (3, 2), (3, 4)]
)
@pytest.mark.parametrize("sized", [True, False])
def test_as_many_names_and_labels_as_images(
    tmp_path: Path, drawings: NDArray[np.uint8], names: int | None, labels: int | None, sized: bool
) -> None:
    def some(n: int | None) -> Any:
        values = None if n is None else [f"v{at}" for at in range(n)]
        return values if sized or values is None else iter(values)

    index = new(tmp_path)
    images = drawings[:2] if sized else iter(drawings[:2])
    with pytest.raises(aesearch.InvalidError, match=r"(names|labels): expected one for each image, got"):
        index.add(images, names=some(names), labels=some(labels))
    assert len(index) == 0 and not (tmp_path / "new").exists(), "no index is made"
    index.add(images := drawings[5:7], names=["a", "b"], labels=["x", None])
    assert len(index) == len(images)


def test_one_text_is_one_and_not_its_letters(folder: Path, tmp_path: Path, index: aesearch.Index) -> None:
    made = new(tmp_path)
    assert made.add(folder, exclude="b/").images == 30
    plan = dedupe.scan(folder, index=tmp_path / "i", model="digits-64", exclude="b/", keep="oldest", progress=False)
    assert plan.images == 30
    assert dedupe.scan(index, reference=folder / "a", progress=False).images == 60
    assert index.evaluate(str(folder / "a"), pixels=False, labels="none", progress=False).queries == 30
    plan.save(tmp_path / "plan.json").apply("list", kinds="bytes")
    index.export(tmp_path / "t.csv", parts="codes", progress=False)
    heard: list[aesearch.Epoch] = []
    small: dict[str, Any] = {"family": "dense", "bits": 32, "width": 16, "seed": 1, "threads": 1, "epochs": 1}
    result = aesearch.train(folder, out=tmp_path / "m", exclude="b/", callbacks=heard.append, progress=False, **small)
    assert len(heard) == 1 and result.images <= 30
    assert index.remove(folder / "a") == 30


def test_images_from_memory_are_said_to_be_that(tmp_path: Path, folder: Path, drawings: NDArray[np.uint8]) -> None:
    index = new(tmp_path)
    index.add(drawings[:3])
    with pytest.raises(aesearch.InvalidError, match="3 from memory") as raised:
        dedupe.scan(index, progress=False)
    assert "keeps no pixels" in (raised.value.hint or "")
    index.add(folder)
    with pytest.warns(aesearch.SkippedWarning, match="came from memory"):
        plan = dedupe.scan(index, progress=False)
    assert plan.images == 60 and len(plan.skipped) == 3
    assert {one.reason for one in plan.skipped} == {"it came from memory: the index keeps no pixels of it"}


def test_open_files_are_images(index: aesearch.Index, tmp_path: Path, folder: Path) -> None:
    path = folder / "a" / "008.pgm"
    with path.open("rb") as file:
        assert index.query(file)[0].name == str(path)
    made = new(tmp_path)
    made.add([io.BytesIO(path.read_bytes()), (folder / "a" / "010.pgm").open("rb")], names=["x", "y"])
    made.add(io.BytesIO((folder / "a" / "012.pgm").read_bytes()))
    assert sorted(made.names) == ["0", "x", "y"] and made.query(path)[0].name == "x"
    with path.open(encoding="latin-1") as text, pytest.raises(aesearch.InvalidError, match="opened as bytes"):
        index.query(text)


def test_an_image_without_pixels_is_refused(tmp_path: Path, index: aesearch.Index) -> None:
    made = new(tmp_path)
    for none in (np.empty((0, 0), np.uint8), np.empty((3, 0, 0), np.uint8), [np.empty((0, 5, 3), np.uint8)]):
        with pytest.raises(aesearch.InvalidError, match="at least one pixel"):
            made.add(none)
    with pytest.raises(aesearch.InvalidError, match="at least one pixel"):
        index.query(np.empty((0, 0), np.uint8))
    assert made.add(np.empty((0, 28, 28), np.uint8)).images == 0, "no images are none"


def test_numbers_of_every_kind_are_scaled_alike(index: aesearch.Index, drawings: NDArray[np.uint8]) -> None:
    image = pytest.importorskip("PIL.Image")
    wide = drawings[7].astype(np.uint16) * 257
    for same in (wide, wide.astype(">u2"), wide.astype("<u2"), image.fromarray((drawings[7] / 255).astype(np.float32))):
        assert index.query(same)[0].distance == 0
    with pytest.raises(aesearch.InvalidError, match="0 to 1"):
        index.query(image.fromarray(drawings[7].astype(np.float32)))


def test_a_plan_in_memory_names_no_place_that_does_not_exist(folder: Path, tmp_path: Path) -> None:
    (folder / "copy.pgm").write_bytes((folder / "a" / "000.pgm").read_bytes())
    plan = dedupe.scan(folder, index=tmp_path / "i", model="digits-64", progress=False)
    would = plan.apply("move", kinds="bytes", progress=False)
    (step,) = would.done
    assert step.to is not None and not os.path.isabs(step.to) and ".." not in step.to
    plan.save(tmp_path / "plan.json")
    there = plan.apply("move", kinds="bytes", progress=False).done[0].to
    assert there is not None and Path(there) == tmp_path / step.to
    plan.apply("move", kinds="bytes", dry_run=False, progress=False)
    back = plan.undo(progress=False)
    assert "1 file would be taken back" in repr(back) and f"{step.path} <- {there}" in repr(back)
    assert "1 file taken back)" in repr(plan.undo(dry_run=False, progress=False))


WRONG: dict[str, Callable[[Any, Path], object]] = {
    "k": lambda index, tmp: index.query(drawing(0), k=2.5),
    "k ": lambda index, tmp: index.query_codes(index.codes(), k=None),
    "k  ": lambda index, tmp: index.cluster(True),
    "rerank": lambda index, tmp: index.query(drawing(0), rerank=-1),
    "radius": lambda index, tmp: index.query(drawing(0), radius="far"),
    "recall": lambda index, tmp: index.query(drawing(0), recall="all"),
    "where": lambda index, tmp: index.query(drawing(0), where=5),
    "exact": lambda index, tmp: index.query(drawing(0), exact="no"),
    "seed": lambda index, tmp: index.cluster(3, seed=-1),
    "threads": lambda index, tmp: aesearch.Encoder("digits-64", threads=-1),
    "threads ": lambda index, tmp: aesearch.Index.open(index.path, threads=-1),
    "bits": lambda index, tmp: aesearch.Index.create(tmp / "x", bits=-1),
    "neighbours": lambda index, tmp: index.outliers(neighbours=-1),
    "perplexity": lambda index, tmp: index.map(perplexity="high"),
    "max_queries": lambda index, tmp: index.evaluate(max_queries=-1),
    "exclude": lambda index, tmp: index.add("x", exclude=[5]),
    "epochs": lambda index, tmp: aesearch.train("x", out=tmp / "m", epochs=-1),
    "size": lambda index, tmp: aesearch.train("x", out=tmp / "m", size=(1, 2, 3)),  # type: ignore[arg-type]
    "dry_run": lambda index, tmp: dedupe.undo("x", dry_run="no"),  # type: ignore[arg-type]
    "threshold": lambda index, tmp: dedupe.scan(index, threshold="high"),  # type: ignore[arg-type]
    "per_digit": lambda index, tmp: aesearch.demo.digits(tmp / "d", per_digit=-1),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_named(index: aesearch.Index, tmp_path: Path, name: str) -> None:
    with pytest.raises(aesearch.InvalidError, match=f"^{name.strip()}: expected "):
        WRONG[name](index, tmp_path)


def test_numbers_of_numpy_are_numbers(index: Any) -> None:
    assert len(index.query(drawing(0), k=np.int64(3), recall=np.float32(0.9), exact=np.bool_(True))) == 3


def test_a_model_is_named(index: aesearch.Index) -> None:
    with pytest.raises(aesearch.InvalidError, match="model: expected a model"):
        aesearch.Encoder()


def test_what_is_missing_is_missing_for_python_too(tmp_path: Path, index: aesearch.Index) -> None:
    nowhere = tmp_path / "nowhere"
    calls: list[Callable[[], object]] = [
        lambda: dedupe.Plan.load(nowhere),
        lambda: dedupe.undo(nowhere),
        lambda: index.add(nowhere),
        lambda: aesearch.Index.open(nowhere),
    ]
    for call in calls:
        with pytest.raises(FileNotFoundError) as raised:
            call()
        assert isinstance(raised.value, aesearch.NotFoundError) and isinstance(raised.value, aesearch.FileError)
        assert "nowhere" in str(raised.value) and raised.value.errno == 2
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    with pytest.raises(aesearch.InvalidError, match="expected a plan"):
        dedupe.Plan.load(tmp_path / "binary")
    with pytest.raises(aesearch.NotFoundError) as empty:
        new(tmp_path).query(drawing(0))
    assert not isinstance(empty.value, OSError)


def test_nothing_of_python_is_shadowed() -> None:
    import builtins

    assert not [name for name in aesearch.__all__ if hasattr(builtins, name)]
    assert all(hasattr(aesearch, name) for name in aesearch.__all__)
    assert issubclass(aesearch.FileError, OSError)


def parameters() -> set[str]:
    """Every parameter that people can name."""
    calls: list[Any] = [aesearch.train, aesearch.demo.digits, dedupe.scan, dedupe.decide, dedupe.check, dedupe.undo]
    for of in (aesearch.Index, aesearch.Encoder, dedupe.Plan):
        calls += [value for _, value in inspect.getmembers(of, callable) if not _.startswith("_")] + [of.__init__]
    return {name for call in calls for name in inspect.signature(call).parameters}


def test_messages_name_what_python_has() -> None:
    """Each of the library's words, which those of the command line list, is a parameter or has a name in Python."""

    def table(path: str) -> dict[str, str]:
        text = (ROOT / path).read_text("utf-8")
        rows = text[text.index("const WORDS") : text.index("];", text.index("const WORDS"))]
        return dict(re.findall(r'\("([^"]+)", "((?:[^"\\]|\\.)*)"\)', rows))

    theirs, ours = table("src/cli/wording.rs"), table("python/src/errors.rs")
    assert len(theirs) > 50
    unknown = [word for word in theirs if word not in ours and word not in parameters()]
    assert not unknown, "add them to WORDS of python/src/errors.rs"
    for said in ours.values():
        for word in re.findall(r"`([^`]+)`", said):
            of, _, name = word.partition("(")[0].rpartition(".")
            owner = {"Index": aesearch.Index, "Plan": dedupe.Plan, "dedupe": dedupe, "aesearch": aesearch}.get(of)
            assert owner is None or hasattr(owner, name), word


def test_memory_may_be_limited(tmp_path: Path, drawings: NDArray[np.uint8], folder: Path) -> None:
    index = new(tmp_path)
    for images in (drawings, folder):
        with pytest.raises(aesearch.InvalidError, match="`max_memory`: expected at least"):
            index.add(images, max_memory=1)
    assert index.add(drawings, max_memory=2 << 30).images == 60


def test_hints_speak_of_python(index: aesearch.Index, folder: Path) -> None:
    with pytest.raises(aesearch.Error) as raised:
        dedupe.decide([folder / "a" / "000.pgm"], index=index)
    assert "`task`" not in str(raised.value) and "`keep_all`" in str(raised.value)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_signals_are_heard_while_codes_are_searched(tmp_path: Path, drawings: NDArray[np.uint8]) -> None:
    new(tmp_path).add(drawings)
    program = """
import os, signal, sys, threading, numpy as np, aesearch
heard, is_over = threading.Semaphore(0), threading.Event()
n_heard = 0
def hear(number, frame):
    global n_heard
    n_heard += 1
    heard.release()
    if n_heard == 3:
        raise KeyboardInterrupt  # the third can only be sent when the second was heard, in the middle of one call
def send():
    while not is_over.is_set():
        os.kill(os.getpid(), signal.SIGINT)
        heard.acquire()
signal.signal(signal.SIGINT, hear)
index = aesearch.Index.open(sys.argv[1])
for doublings in range(6):
    codes = np.repeat(index.codes(), 4_000 << doublings, axis=0)
    n_heard = 0
    is_over.clear()
    thread = threading.Thread(target=send, daemon=True)
    try:
        thread.start()
        index.query_codes(codes, k=1, exact=True)
    except KeyboardInterrupt:
        print("ended", flush=True)
        os._exit(0)  # the other thread may wait
    is_over.set()
    heard.release()
    thread.join()
"""
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "new"],
        env=os.environ | {"RAYON_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["ended"], done.stderr


def test_the_environment_stays_as_it_is_and_an_old_runtime_is_passed_over(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    (tmp_path / "fake" / "onnxruntime" / "capi").mkdir(parents=True)
    (tmp_path / "fake" / "onnxruntime" / "__init__.py").touch()
    (tmp_path / "fake" / "onnxruntime" / "capi" / "libonnxruntime.so.1.17.0").touch()
    program = """
import os, sys
before = dict(os.environ)
sys.path.insert(0, sys.argv[1])
import aesearch
assert dict(os.environ) == before
print(aesearch.Encoder("digits-64").name)
"""
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DYLIB_PATH"}
    environment |= {"AESEARCH_DATA_DIR": str(tmp_path / "data"), "AESEARCH_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "fake"],
        env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["digits-64"], done.stderr


def test_a_page_of_a_notebook_stays_small(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    coarse = random.integers(0, 256, (24, 8, 8, 3), np.uint8)
    photos = np.kron(coarse, np.ones((1, 64, 64, 1), np.uint8)) // 2
    photos += random.integers(0, 64, photos.shape, np.uint8)
    index = new(tmp_path, thumbnails=256)
    index.add(photos)
    html = index.query(photos[0], k=24)._repr_html_()
    assert html.count("<img") == 24 and len(html) < 24 * 16_000


def test_slices_of_results_and_plans(index: aesearch.Index, folder: Path, tmp_path: Path) -> None:
    result = index.query(drawing(0), k=5)
    first = result[:2]
    assert isinstance(first, aesearch.QueryResult) and first.names == result.names[:2] and len(first.ids) == 2
    assert result[-1] == list(result)[-1] and result[1] in result
    assert repr(index.to_arrow(latents=False)).startswith("Table(60 rows, ")


def test_a_stack_of_large_images_is_converted_in_parts() -> None:
    from aesearch import _images

    assert _images.together(np.empty((1000, 28, 28), np.uint8)) == 256
    assert _images.together(np.broadcast_to(np.uint8(0), (300, 4000, 3000, 1))) == 2
    assert _images.together(np.broadcast_to(np.float64(0), (300, 4000, 3000, 3))) == 1


