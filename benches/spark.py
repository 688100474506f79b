"""Spark's encode beside the same files encoded by one process, digits with an executor killed, and near pairs of all digits.

    pip install WHEEL pyspark pyarrow onnxruntime ./engines/spark
    python benches/spark.py [--photos 5000] [--digits 70000] [--only photos|digits|pairs] > benches/runs/spark.json

Time is that of processors: user and system time of the processes. For Spark it is summed over the driver, its JVM, the executors
and their Python processes, from /proc, once when the session is up and has run a job of one image, and once after the job. Both sides
read the same files and write the same columns to Parquet, with one thread to a session; Spark has two executors of one core.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("AESEARCH_DATA", ROOT.parent / "shared" / "data"))
#: Sets of photos, and how many of each 5,000.
SETS = {"intel64": 2500, "clothing128": 1000, "grocery128": 1000, "bsds320": 500}
RADIUS = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=5000)
    parser.add_argument("--digits", type=int, default=70000)
    parser.add_argument("--only", choices=["photos", "digits", "pairs"])
    parser.add_argument("--work", type=Path, help="keep files here")
    parser.add_argument("--local", nargs=3, metavar=("LIST", "INDEX", "OUT"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.local:
        return encode_here(*map(Path, asked.local))
    work = asked.work or Path(tempfile.mkdtemp())
    work.mkdir(parents=True, exist_ok=True)
    said: dict[str, Any] = {"machine": f"{platform.machine()}, {os.cpu_count()} cores, {cpu_name()}", "python": platform.python_version()}
    for name, measure in (("photos", photos), ("digits", digits), ("pairs", pairs)):
        if asked.only in (None, name):
            said[name] = measure(work, asked.photos if name == "photos" else asked.digits)
            print(name, json.dumps(said[name]), file=sys.stderr)
    json.dump(said, sys.stdout, indent=2)
    print()
    if asked.work is None:
        shutil.rmtree(work)


def photos(work: Path, n: int) -> dict[str, Any]:
    """CPU time per photo, here and there."""
    files = unpack(work / "photos", n)
    index = indexed(work / "photos.aesearch", files[::5], "photos")  # a sample: only its binarizer matters
    (work / "list.txt").write_text("\n".join(map(str, files)))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, __file__, "--local", str(work / "list.txt"), str(index), str(work / "local.parquet")]
    subprocess.run(command, check=True)
    here = cpu(resource.getrusage(resource.RUSAGE_CHILDREN)) - cpu(before)
    found: dict[str, Any] = {"photos": len(files), "local_cpu_s": round(here, 2)}

    from pyarrow import parquet

    spark, encoder = session(), opened(index)
    for name, read in (
        ("binary_file", lambda paths: spark.read.format("binaryFile").load(paths)),
        ("paths", lambda paths: spark.createDataFrame([(path,) for path in paths], "path string").repartition(8)),
    ):
        wrote = work / f"spark-{name}"
        encode(read([str(files[0])]), encoder).write.mode("overwrite").parquet(str(work / "one"))
        start = tree_cpu()
        images = [str(work / "photos" / folder) for folder in SETS] if name == "binary_file" else [str(file) for file in files]
        encode(read(images), encoder).write.mode("overwrite").parquet(str(wrote))
        there = tree_cpu() - start
        same = codes(parquet.read_table(work / "local.parquet")) == codes(parquet.read_table(wrote))
        found[name] = {"spark_cpu_s": round(there, 2), "over_local": round(there / here, 3), "same_codes": same, "before_s": round(start, 1)}
    spark.stop()
    return found


def digits(work: Path, n: int) -> dict[str, Any]:
    """All digits by two executors, of which one is killed on the way, with a partition ten times the others."""
    sys.path.insert(0, str(ROOT / "engines" / "spark" / "tests"))
    from conftest import codes_in, codes_of, write_digits
    from test_encoding import completed_tasks, executors_of, unevenly

    write_digits(work / "digits.parquet", n)
    index = indexed(work / "digits.aesearch", work / "digits.parquet", "digits-64")
    spark, encoder = session(), opened(index)
    rows = encode(unevenly(spark.read.parquet(str(work / "digits.parquet")), parts=10), encoder)
    start, before = time.monotonic(), tree_cpu()
    writing = threading.Thread(target=lambda: rows.write.mode("overwrite").parquet(str(work / "codes")))
    writing.start()
    while completed_tasks(spark) < 2 and writing.is_alive():
        time.sleep(0.02)
    victim, *_ = executors_of(spark)
    os.kill(victim, signal.SIGKILL)
    writing.join()
    import aesearch

    seconds, same = time.monotonic() - start, codes_in(spark.read.parquet(str(work / "codes"))) == codes_of(aesearch.Index.open(index))
    spark.stop()
    return {"digits": n, "killed": victim, "seconds": round(seconds, 1), "same_codes_as_index": same, "cpu_before_s": round(before, 1)}


def pairs(work: Path, n: int) -> list[dict[str, Any]]:
    """Near pairs of all digits beside a scan of all pairs, as they are, and with a tenth of equal codes."""
    import aesearch
    import numpy as np
    import pyarrow as pa
    from aesearch_spark import near_pairs
    from pyarrow import parquet
    from pyspark.sql import functions as F

    spark, found = session(), []
    original = aesearch.Index.open(work / "digits.aesearch").codes()[:n, 0]
    for share in (0.0, 0.1):
        words = original.copy()
        if share:
            words[:: round(1 / share)] = words[0]
        table = pa.table({"id": np.arange(len(words)), "code": [word.tobytes() for word in words]})
        parquet.write_table(table, work / "words.parquet", row_group_size=10_000)
        start, before = time.monotonic(), tree_cpu()
        near = near_pairs(spark.read.parquet(str(work / "words.parquet")), RADIUS, key="id")
        number = (F.col("a") * len(words) + F.col("b")) * 8 + F.col("distance")
        near.select(number.alias("pair")).write.mode("overwrite").parquet(str(work / "pairs"))
        seconds, took = time.monotonic() - start, tree_cpu() - before
        got = np.sort(parquet.read_table(work / "pairs").column("pair").to_numpy())
        start = time.monotonic()
        expected = scanned(words)
        scan = time.monotonic() - start
        found.append(
            {
                "codes": len(words),
                "equal": share,
                "pairs": len(got),
                "same_as_scan": bool(np.array_equal(got, expected)),
                "seconds": round(seconds, 1),
                "cpu_s": round(took, 1),
                "numpy_scan_s": round(scan, 1),
            }
        )
    spark.stop()
    return found


def scanned(words: Any) -> Any:
    """All near pairs as numbers, ascending."""
    import numpy as np

    found = []
    for a in range(len(words)):
        distances = np.bitwise_count(words[a] ^ words[a + 1 :])
        b = np.flatnonzero(distances <= RADIUS)
        found.append((a * len(words) + b + a + 1) * 8 + distances[b])
    return np.sort(np.concatenate(found))


def unpack(folder: Path, n: int) -> list[Path]:
    """So many photos, the same share of each set, as files."""
    files = []
    for name, of_5000 in SETS.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        with tarfile.open(DATA / "photos" / f"{name}.tar") as tar:
            members = [member for member in tar if member.isfile()][: of_5000 * n // 5000]
            for at, member in enumerate(members):
                file = folder / name / f"{at:05}{Path(member.name).suffix}"
                if not file.exists():
                    content = tar.extractfile(member)
                    assert content is not None
                    file.write_bytes(content.read())
                files.append(file)
    return files


def indexed(index: Path, data: Path | list[Path], model: str) -> Path:
    """What `aesearch index --binarizer learned` makes."""
    import aesearch

    if not index.exists():
        aesearch.Index.create(index, model=model, binarizer="learned").add(data, progress=False)
    return index


def opened(index: Path) -> Any:
    import aesearch

    return aesearch.Encoder(binarizer=index)


def encode_here(paths: Path, index: Path, out: Path) -> None:
    """The files of a list, in parts as Spark's tasks have them, by one thread."""
    import aesearch
    import pyarrow as pa
    from pyarrow import parquet

    files, encoder = paths.read_text().split("\n"), aesearch.Encoder(binarizer=index, threads=1)
    parts = [files[start : start + 1000] for start in range(0, len(files), 1000)]
    tables = [pa.table(encoder.to_arrow(part)).append_column("path", pa.array(part)) for part in parts]
    parquet.write_table(pa.concat_tables(tables), out)


def encode(images: Any, encoder: Any) -> Any:
    from aesearch_spark import encode

    return encode(images, encoder)


def session() -> Any:
    """Two executors of one core."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    spark = SparkSession.builder.master("local-cluster[2,1,2048]")
    for key, value in (
        ("spark.ui.enabled", "false"),
        ("spark.ui.showConsoleProgress", "false"),
        ("spark.sql.shuffle.partitions", "8"),
        ("spark.driver.memory", "2g"),
        ("spark.executor.memory", "2g"),
        ("spark.sql.files.openCostInBytes", "65536"),  # small files: more of them to a task
    ):
        spark = spark.config(key, value)
    made = spark.getOrCreate()
    made.sparkContext.setLogLevel("OFF")
    return made


def codes(table: Any) -> dict[str, bytes]:
    return dict(zip(table.column("path").to_pylist(), table.column("code").to_pylist(), strict=True))


def cpu(usage: resource.struct_rusage) -> float:
    return usage.ru_utime + usage.ru_stime


def tree_cpu() -> float:
    """Seconds of processor time that this process, all below it, and those of them that have ended have taken."""
    parents, times = {}, {}
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                words = (process / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(process.name)] = int(words[1])
            times[int(process.name)] = sum(map(int, words[11:15]))
    ours, more = {os.getpid()}, True
    while more:
        more = {pid for pid, parent in parents.items() if parent in ours} - ours
        ours |= more
    return sum(times[pid] for pid in ours) / os.sysconf("SC_CLK_TCK")


def cpu_name() -> str:
    names = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else "unknown"


if __name__ == "__main__":
    main()
