"""Connected groups, beside a union of sets."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from aesearch_spark import connected


@pytest.mark.parametrize("shape", ["chain", "random", "star"])
def test_groups_are_those_of_a_union_of_sets(spark: SparkSession, shape: str, tmp_path: Path) -> None:
    chance = random.Random(shape)
    names = [f"{n:03}" for n in range(300)]
    chance.shuffle(names)
    shapes: dict[str, list[tuple[str, str]]] = {
        "chain": [(names[n], names[n + 1]) for n in range(20)],
        "random": [(chance.choice(names), chance.choice(names)) for _ in range(140)],
        "star": [(names[7], names[n]) for n in range(200)] + [(names[250], names[251])],
    }
    edges = [(a, b) for a, b in shapes[shape] if a != b]
    expected: dict[str, set[str]] = {}
    for a, b in edges:
        group = expected.get(a, {a}) | expected.get(b, {b})
        expected.update(dict.fromkeys(group, group))
    both_ways = spark.createDataFrame([*edges, *((b, a) for a, b in edges[:9]), ("x", "x")], "a string, b string")
    rows = connected(both_ways, str(tmp_path)).collect()
    assert {row["node"]: row["group"] for row in rows} == {node: min(group) for node, group in expected.items()}
    assert len(rows) == len(expected)


def test_rounds_are_bounded(spark: SparkSession, tmp_path: Path) -> None:
    chain = spark.createDataFrame([(n, n + 1) for n in range(40)], "a int, b int")
    with pytest.raises(RuntimeError, match="expected an end after 1 rounds"):
        connected(chain, str(tmp_path), rounds=1)
    assert connected(chain.where("a < 0"), str(tmp_path)).collect() == []
