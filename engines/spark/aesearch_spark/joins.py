"""Joins of keys of which some are far more frequent than others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

#: Rows of one key that a task takes.
HOT = 5000


def salted_join(left: DataFrame, right: DataFrame, on: Sequence[str], condition: Column, hot: int | None = HOT) -> DataFrame:
    """The inner join of ``left`` as ``a`` and ``right`` as ``b`` on equal keys, where ``condition`` holds.

    Of a key that ``right`` has more than ``hot`` times, its rows are spread over several tasks, and those of ``left`` go to each
    of these; none is that frequent where ``hot`` is none. What a row is salted by is in the row, so that a task that runs again gets the same rows.
    """
    if hot is None:
        return left.alias("a").join(right.alias("b"), _equal(on) & condition)
    counts = right.groupBy(*on).agg(F.count("*").alias("_n")).where(F.col("_n") > hot)
    hottest = F.broadcast(counts.select(*on, F.ceil(F.col("_n") / hot).cast("int").alias("_salts")))
    salts = F.coalesce("_salts", F.lit(1))
    spread = right.join(hottest, list(on), "left").withColumn("_salt", F.pmod(F.hash(*right.columns), salts))
    copied = left.join(hottest, list(on), "left").withColumn("_salt", F.explode(F.sequence(F.lit(0), salts - 1)))
    return copied.drop("_salts").alias("a").join(spread.drop("_salts").alias("b"), _equal((*on, "_salt")) & condition)


def _equal(names: Sequence[str]) -> Column:
    return reduce(Column.__and__, (F.col(f"a.{name}") == F.col(f"b.{name}") for name in names))
