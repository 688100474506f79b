"""What the tests share: a local cluster of two executors, digits, photos, and indexes of them."""

from __future__ import annotations

import gzip
import os
import sys
import tarfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import aesearch
import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from pyarrow import parquet
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("AESEARCH_DATA", ROOT.parent / "shared" / "data"))
#: Digits in the tests; 70,000 are what benches/spark.py takes.
N_DIGITS = int(os.environ.get("AESEARCH_DIGITS", "3000"))


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """Two executors of one core each, in processes of their own, as on two machines."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    session = (
        SparkSession.builder.master("local-cluster[2,1,1024]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.files.minPartitionNum", "2")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


def mnist(n: int) -> NDArray[np.uint8]:
    """The first ``n`` digits, u8 [n, 28, 28]."""
    files = [DATA / "mnist" / f"{part}-images-idx3-ubyte.gz" for part in ("train", "t10k")]
    if not all(file.is_file() for file in files):
        pytest.skip(f"{DATA}/mnist: no MNIST files here")
    pixels = np.concatenate([np.frombuffer(gzip.open(file).read(), np.uint8)[16:] for file in files])
    return pixels.reshape(-1, 28, 28)[:n]


def write_digits(path: Path, n: int) -> None:
    """A Parquet file of ``n`` digits as image files, in row groups of 500."""
    files = [b"P5 28 28 255\n" + digit.tobytes() for digit in mnist(n)]
    numbers = [str(at) for at in range(n)]  # as an index calls them
    parquet.write_table(pa.table({"path": numbers, "content": files}), path, row_group_size=500)


def codes_of(index: aesearch.Index) -> dict[str, bytes]:
    """The codes of an index by name; rows of a Parquet file by their number."""
    return {name.rpartition(".parquet#")[2]: code.tobytes() for name, code in zip(index.names, index.codes(), strict=True)}


def codes_in(rows: DataFrame) -> dict[str, bytes]:
    """The same of a table."""
    found = rows.where(F.col("code").isNotNull()).select("path", "code").collect()
    assert len({row["path"] for row in found}) == len(found)
    return {row["path"]: bytes(row["code"]) for row in found}


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Parquet file of digits, ``path`` and ``content``."""
    path = tmp_path_factory.mktemp("digits") / "digits.parquet"
    write_digits(path, N_DIGITS)
    return path


@pytest.fixture(scope="session")
def digits_index(digits: Path) -> aesearch.Index:
    """What ``aesearch index --binarizer learned digits.parquet`` makes."""
    index = aesearch.Index.create(digits.parent / "index", model="digits-64", binarizer="learned")
    index.add(digits, progress=False)
    assert len(index) == N_DIGITS and index.info["binarizer"] == "learned"
    return index


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 150 photos of two sets, with copies and files that are none."""
    image = pytest.importorskip("PIL.Image")
    folder = tmp_path_factory.mktemp("photos with spaces")
    for name, n in (("intel64", 100), ("bsds320", 50)):
        archive = DATA / "photos" / f"{name}.tar"
        if not archive.is_file():
            pytest.skip(f"{archive}: no photos here")
        with tarfile.open(archive) as tar:
            for at, member in enumerate(islice((one for one in tar if one.isfile()), n)):
                file = tar.extractfile(member)
                assert file is not None
                place = folder / name / f"{at:03}{Path(member.name).suffix}"
                place.parent.mkdir(exist_ok=True)
                place.write_bytes(file.read())
    for at in (3, 8, 21):
        original = folder / "bsds320" / f"{at:03}.jpg"
        (folder / "copies").mkdir(exist_ok=True)
        (folder / "copies" / f"same #{at} 100%.jpg").write_bytes(original.read_bytes())
        with image.open(original) as picture:
            picture.resize((picture.width * 2 // 3, picture.height * 2 // 3)).save(folder / "copies" / f"small {at}.jpg", quality=85)
    (folder / "copies" / "cut.jpg").write_bytes((folder / "bsds320" / "004.jpg").read_bytes()[:300])
    (folder / "copies" / "no picture.png").write_bytes(b"no picture")
    return folder

