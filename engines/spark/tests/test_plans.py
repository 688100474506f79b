"""Plans: what the program `aesearch dedupe apply` makes of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import aesearch
import pytest
from pyspark.sql import SparkSession

from aesearch_spark import encode, find_duplicates, write_plan


def test_copies_are_found_and_the_program_takes_the_plan(spark: SparkSession, photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    shutil.copytree(photos, folder)
    index = aesearch.Index.create(tmp_path / "index", model="photos", binarizer="learned")
    with pytest.warns(aesearch.SkippedWarning):
        index.add(folder, progress=False)
    files = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(str(folder))
    encode(files, aesearch.Encoder(binarizer=index.path), fingerprints=True).write.parquet(str(tmp_path / "codes"))
    images = spark.read.parquet(str(tmp_path / "codes"))
    pairs = find_duplicates(images, str(tmp_path / "work"), radius=10, similarity=0.9).cache()
    plan = write_plan(images, pairs, tmp_path / "plan.json", folder)

    copies = {
        "bytes": {f"same #{at} 100%.jpg" for at in (3, 8, 21)},
        "near": {f"small {at}.jpg" for at in (3, 8, 21)},
    }
    for kind, names in copies.items():
        groups = [group for group in plan["groups"] if group["kind"] == kind]
        gone = {os.path.basename(one["path"]) for group in groups for one in group["duplicates"]}
        assert names <= gone
        assert all(group["keep"].startswith("bsds320/") for group in groups if group["keep"][-7:-4] in ("003", "008", "021"))
    assert plan["images"] == 156 and plan["skipped"] == []

    before = sorted(path for path in folder.rglob("*") if path.is_file())
    said = apply(tmp_path / "plan.json", "--action", "list")
    dry = apply(tmp_path / "plan.json", "--action", "move")
    n = sum(len(group["duplicates"]) for group in plan["groups"])
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == before
    assert len(said["done"]) == len(dry["done"]) == n and not dry["refused"]
    done = apply(tmp_path / "plan.json", "--action", "move", "--yes")
    assert len(done["done"]) == n and not done["refused"]
    assert len([path for path in folder.rglob("*") if path.is_file()]) == len(before) - n


def test_a_file_that_is_gone_is_left_out_and_named(spark: SparkSession, tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (tmp_path / name).write_bytes(b"same")
    rows = [(str(tmp_path / name), b"h" * 32, 4, 3, "jpeg", None) for name in ("a.jpg", "b.jpg", "c.jpg", "gone.jpg")]
    images = spark.createDataFrame(rows, "path string, hash binary, width int, height int, format string, reason string")
    none = spark.createDataFrame([], "group binary, a binary, b binary, distance int, similarity float")
    plan = write_plan(images, none, tmp_path / "plan.json", tmp_path)
    (group,) = plan["groups"]
    assert (group["keep"], [one["path"] for one in group["duplicates"]]) == ("a.jpg", ["b.jpg", "c.jpg"])
    assert plan["skipped"] == [{"path": str(tmp_path / "gone.jpg"), "reason": "No such file or directory"}]
    elsewhere = spark.createDataFrame([("s3a://bucket/a.jpg", *rows[0][1:]), ("s3a://bucket/b.jpg", *rows[0][1:])], images.schema)
    with pytest.raises(ValueError, match="s3a://bucket/a.jpg: expected the path of a local file"):
        write_plan(elsewhere, none, tmp_path / "other.json", tmp_path)


def apply(plan: Path, *options: str) -> dict[str, Any]:
    """What the program says."""
    command = [sys.executable, "-m", "aesearch", "dedupe", "apply", str(plan), *options, "--json"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    document: dict[str, Any] = json.loads(run.stdout)
    return document
