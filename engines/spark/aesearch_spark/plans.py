"""A plan for ``aesearch dedupe apply``: which files are copies of which, and which of them stays."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, TypeAlias

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from aesearch_spark.groups import connected
from aesearch_spark.pairs import near_pairs
from aesearch_spark.verifying import verify

#: A group, or a file of one, as the plan has it.
Json: TypeAlias = dict[str, Any]

#: Images of one code beyond which they are compared with one of them only, rather than all with all.
CROWD = 1000


def find_duplicates(images: DataFrame, work: str, *, radius: int = 6, similarity: float = 0.95, crowd: int = CROWD) -> DataFrame:
    """Pairs of different contents that are copies: ``a``, ``b`` (hashes), ``distance``, ``similarity`` and ``group``, the least
    hash of those that are connected.

    ``images`` is what :func:`aesearch_spark.encode` gave with ``fingerprints=True``; equal bytes count once. Codes within
    ``radius`` bits are candidates, and fingerprints decide. ``work`` is a folder that all executors share.
    """
    fine = images.where(F.col("reason").isNull()).select("hash", "code", "fingerprint")
    contents = fine.groupBy("hash").agg(F.first("code").alias("code"), F.first("fingerprint").alias("fingerprint"))
    candidates = near_pairs(contents, radius, key="hash", crowd=crowd)
    verify(candidates, contents, similarity, key="hash").write.mode("overwrite").parquet(f"{work}/pairs")
    pairs = images.sparkSession.read.parquet(f"{work}/pairs")
    groups = connected(pairs, f"{work}/groups").withColumnRenamed("node", "a")
    return pairs.join(groups, "a")


def write_plan(images: DataFrame, pairs: DataFrame, path: str | os.PathLike[str], base: str | os.PathLike[str]) -> Json:
    """Writes a plan that ``aesearch dedupe apply`` takes, and returns it; nothing else is changed.

    ``images`` is what :func:`aesearch_spark.encode` gave of files that this machine sees below the same paths, and ``pairs`` what
    :func:`find_duplicates` found. Of copies the one with most pixels stays, then that of most bytes, then that of the shortest
    path; each other one is near the one that stays, so that no chain of small changes leads from one picture to another.
    Files are stamped now, and ``apply`` reads each once more before it touches it. The files of all groups are held in the memory
    of this machine. Files of the same shot, such as a JPEG with its raw file, are not known to this plan.
    """
    base = Path(base).absolute()
    fine = images.where(F.col("reason").isNull()).select("path", "hash", "width", "height", "format")
    skipped: list[Json] = []
    contents = _contents(fine, pairs, base, skipped)
    groups = [group for files in contents.values() if (group := _same_bytes(files))]
    order = pairs.select("group", "a", "b", "distance", "similarity").orderBy("group", "a", "b").toLocalIterator()
    near = [group for _, some in groupby(order, lambda row: row["group"]) for group in _around_the_best(some, contents)]
    plan: Json = {
        "schema_version": 1,
        "command": "dedupe scan",
        "images": fine.count(),
        "base": str(base),
        "threshold": _threshold(pairs),
        "keep": ["resolution", "bytes", "shortest"],
        "groups": groups + near,
        "near_misses": [],
        "skipped": skipped,
    }
    Path(path).write_text(json.dumps(plan, ensure_ascii=False, indent=2) + "\n", "utf-8")
    return plan


def _contents(fine: DataFrame, pairs: DataFrame, base: Path, skipped: list[Json]) -> dict[str, list[Json]]:
    """The files of each content that has several, or is in a pair; the one to keep comes first."""
    repeated = fine.groupBy("hash").count().where("count > 1").select("hash")
    ends = pairs.select(F.col("a").alias("hash")).unionByName(pairs.select(F.col("b").alias("hash")))
    wanted = fine.join(repeated.unionByName(ends).distinct(), "hash").orderBy("hash", "path")
    contents: dict[str, list[Json]] = {}
    for row in wanted.toLocalIterator():
        try:
            contents.setdefault(row["hash"].hex(), []).append(_file(row, base))
        except OSError as error:
            skipped.append({"path": row["path"], "reason": str(error.strerror or error)})
    return {content: sorted(files, key=_rank) for content, files in contents.items()}


def _file(row: Row, base: Path) -> Json:
    path = Path(row["path"])
    if not path.is_absolute():
        raise ValueError(f"{row['path']}: expected the path of a local file; a plan cannot name files elsewhere")
    state = path.lstat()
    name = str(path.relative_to(base)) if path.is_relative_to(base) else str(path)
    known = {field: row[field] for field in ("width", "height", "format")}
    return {"path": name, "size": state.st_size, "mtime_ns": state.st_mtime_ns, "hash": row["hash"].hex(), **known}


def _rank(file: Json) -> tuple[Any, ...]:
    return (-file["width"] * file["height"], -file["size"], len(file["path"]), file["path"])


def _same_bytes(files: list[Json]) -> Json | None:
    keeper, *others = files
    return _group("bytes", keeper, [(file, 0, 1.0) for file in others]) if others else None


def _around_the_best(pairs: Iterable[Row], contents: dict[str, list[Json]]) -> Iterator[Json]:
    """The best image with all that are near it; then the best of the rest, and so on."""
    near: dict[str, dict[str, tuple[int, float]]] = {}
    for row in pairs:
        a, b = row["a"].hex(), row["b"].hex()
        for one, other in ((a, b), (b, a)):
            near.setdefault(one, {})[other] = (row["distance"], row["similarity"])

    def rank(content: str) -> tuple[Any, ...]:
        return _rank(contents[content][0])

    gone: set[str] = set()
    for best in sorted((content for content in near if content in contents), key=rank):
        if best in gone:
            continue
        gone.add(best)
        copies = sorted((copy for copy in near[best] if copy in contents and copy not in gone), key=rank)
        gone.update(copies)
        if copies:
            # other files of the same bytes go by the group of those
            yield _group("near", contents[best][0], [(contents[copy][0], *near[best][copy]) for copy in copies])


def _group(kind: str, keeper: Json, duplicates: list[tuple[Json, int, float]]) -> Json:
    members = sorted(f"{file['hash']} {file['path']}\n" for file in (keeper, *(file for file, *_ in duplicates)))
    return {
        "id": hashlib.blake2b("".join(members).encode(errors="surrogateescape"), digest_size=4).hexdigest(),
        "kind": kind,
        "keep": keeper["path"],
        "reason": _reason(keeper, [file for file, *_ in duplicates]),
        "medoid": keeper["path"],
        "diameter": 1.0 - min(similarity for *_, similarity in duplicates),
        "keeper": keeper,
        "duplicates": [
            {**file, "distance": distance, "similarity": similarity} for file, distance, similarity in duplicates
        ],
    }


def _reason(keeper: Json, others: list[Json]) -> str:
    """What the keeper is better in than all others."""
    names = ("more pixels", "more bytes", "shorter path", "first path")
    for at, name in enumerate(names):
        if all(_rank(keeper)[: at + 1] < _rank(other)[: at + 1] for other in others):
            return name
    return names[-1]


def _threshold(pairs: DataFrame) -> Json:
    row = pairs.agg(F.min("similarity")).first()
    least = row[0] if row and row[0] is not None else 1.0
    return {
        "similarity": float(least),
        "false_positive_rate": 0.0,
        "pairs_tested": 0,
        "expected_false_pairs": None,
        "null_pairs": 0,
        "null_largest": 0.0,
        "recall": [],
    }
