"""Which nodes are connected by edges?"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

#: Rounds without an end after which something is wrong: chains of a billion nodes take fewer.
ROUNDS = 64


def connected(edges: DataFrame, work: str, *, rounds: int = ROUNDS) -> DataFrame:
    """The connected groups of ``edges`` with columns ``a`` and ``b``: a row for each node, ``node`` and ``group``, which is the
    least node of its group.

    By large and small stars in turn (Kiveris et al. 2014, "Connected components in MapReduce and beyond"): each node hands its
    larger, then its smaller neighbours over to the least one that it knows, until every group is a star around its least node. The
    number of edges never grows. Long chains take a number of rounds that grows with the square of the logarithm of their
    length; what duplicates give takes three to five. Each round is written below the folder ``work``, which all
    executors share, so that one that is lost costs no more than its part of a round.
    """
    spark = edges.sparkSession
    least, greatest = F.least("a", "b").alias("a"), F.greatest("a", "b").alias("b")
    now = edges.where(F.col("a") != F.col("b")).select(least, greatest).distinct()
    before = None
    for number in range(rounds):
        place = f"{work}/round-{number}"
        _small_star(_large_star(now)).distinct().write.mode("overwrite").parquet(place)
        now = spark.read.parquet(place)
        state = now.agg(F.count("*"), F.sum(F.xxhash64("a", "b").cast("decimal(20, 0)"))).first()
        if state == before:
            break
        before = state
    else:
        raise RuntimeError(f"groups: expected an end after {rounds} rounds, got none: allow more `rounds`")
    members = now.select(F.col("b").alias("node"), F.col("a").alias("group"))
    return members.unionByName(now.select(F.col("a").alias("node"), F.col("a").alias("group")).distinct())


def _large_star(edges: DataFrame) -> DataFrame:
    """Each node connects its larger neighbours with the least of its neighbours and itself."""
    both = edges.unionByName(edges.select(F.col("b").alias("a"), F.col("a").alias("b")))
    return _star(both, F.col("b") > F.col("a"))


def _small_star(edges: DataFrame) -> DataFrame:
    """Each node connects itself and its smaller neighbours with the least of them."""
    down = edges.select(F.col("b").alias("a"), F.col("a").alias("b"))
    return _star(down.unionByName(edges.select(F.col("b").alias("a"), F.col("b"))), F.lit(True))


def _star(neighbours: DataFrame, which: Column) -> DataFrame:
    """Edges from the least of a node's neighbours ``b`` and the node ``a`` itself to those neighbours that are meant."""
    centres = neighbours.groupBy("a").agg(F.min("b").alias("centre"))
    centre = F.least("centre", "a")
    moved = neighbours.join(centres, "a").where(which & (F.col("b") != centre))
    return moved.select(centre.alias("a"), "b")
