"""Encoding: the codes of an index, bit by bit, whatever happens to executors and however rows are spread."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import aesearch
import pytest
from conftest import N_DIGITS, codes_in, codes_of
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from aesearch_spark import encode


def test_digits_with_an_executor_killed_and_a_partition_ten_times_the_others(
    spark: SparkSession, digits: Path, digits_index: aesearch.Index, tmp_path: Path
) -> None:
    images = spark.read.parquet(str(digits))
    uneven = unevenly(images, parts=6)
    sizes = [row["count"] for row in uneven.groupBy(F.spark_partition_id().alias("part")).count().collect()]
    assert max(sizes) >= 8 * sorted(sizes)[-2]

    rows = encode(uneven, aesearch.Encoder(binarizer=digits_index.path))
    out, failed = str(tmp_path / "out"), list[BaseException]()
    writing = threading.Thread(target=lambda: caught(lambda: rows.write.parquet(out), failed))
    executors = executors_of(spark)
    assert len(executors) == 2
    writing.start()
    wait_for(lambda: completed_tasks(spark) >= 2 or not writing.is_alive())
    assert writing.is_alive(), "it was over before an executor could be killed"
    victim = executors[0]
    os.kill(victim, signal.SIGKILL)
    writing.join()
    assert not failed, failed
    wait_for(lambda: len(executors_of(spark)) == 2)
    assert victim not in executors_of(spark)

    assert codes_in(spark.read.parquet(out)) == codes_of(digits_index)
    table = spark.read.parquet(out)
    assert table.where(F.col("reason").isNotNull()).count() == 0 and table.count() == N_DIGITS


def test_photos_from_files_by_bytes_and_by_path(spark: SparkSession, photos: Path, tmp_path: Path) -> None:
    index = aesearch.Index.create(tmp_path / "index", model="photos", binarizer="learned")
    with pytest.warns(aesearch.SkippedWarning, match="2 images were skipped"):
        index.add(photos, progress=False)
    encoder = aesearch.Encoder(binarizer=index.path)
    files = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(str(photos))
    expected = codes_of(index)
    assert len(expected) == 156
    for images in (files, files.select("path")):
        table = encode(images, encoder, fingerprints=True).toArrow().to_pylist()
        assert {row["path"]: row["code"] for row in table if row["reason"] is None} == expected
        bad = {os.path.basename(row["path"]): row for row in table if row["reason"] is not None}
        assert set(bad) == {"cut.jpg", "no picture.png"}
        assert all(bad[name][column] is None for name in bad for column in ("hash", "code", "latent", "fingerprint"))

    latents = dict(zip(index.names, zip(index.latents().values, index.latents().scales, strict=True), strict=True))
    for row in (row for row in table if row["reason"] is None):
        values, scale = latents[row["path"]]
        assert (row["latent"], row["latent_scale"]) == (values.tobytes(), scale)
        assert row["label"] == os.path.basename(os.path.dirname(row["path"])) and row["format"] == "jpeg"
        assert row["size"] == os.path.getsize(row["path"]) and row["width"] > 0 and len(row["hash"]) == 32
        assert aesearch.dedupe.similarities([row["fingerprint"]], [row["fingerprint"]])[0] == 1.0


def test_what_cannot_work_is_said_before_the_job(spark: SparkSession) -> None:
    images = spark.createDataFrame([("a.png",)], "path string")
    with pytest.raises(aesearch.InvalidError, match="its codes depend on the collection"):
        encode(images, aesearch.Encoder("photos"))
    (row,) = encode(images, aesearch.Encoder("digits-64")).collect()
    assert row["code"] is None and "no such file" in row["reason"] and row["label"] is None


def unevenly(images: DataFrame, parts: int) -> DataFrame:
    """In partitions of which one has most rows: ten times as many as each of the others."""
    share = F.pmod(F.hash("path"), F.lit(9 + parts))
    return images.repartitionById(parts, F.least(share, F.lit(parts - 1)))


def executors_of(spark: SparkSession) -> list[int]:
    """Processes of this session's executors."""
    found = []
    application = spark.sparkContext.applicationId
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if application in words and any(word.endswith("CoarseGrainedExecutorBackend") for word in words):
                found.append(int(process.name))
    return sorted(found)


def completed_tasks(spark: SparkSession) -> int:
    """Tasks of the running stages that are done."""
    tracker = spark.sparkContext.statusTracker()
    stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
    return sum(stage.numCompletedTasks for stage in stages if stage)


def wait_for(condition: Callable[[], bool], seconds: float = 300) -> None:
    """Until it holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.02)


def caught(work: Callable[[], None], failed: list[BaseException]) -> None:
    """Runs work of a thread."""
    try:
        work()
    except Exception as error:  # noqa: BLE001: it fails the test
        failed.append(error)
