"""How similar are the images of a pair? By their fingerprints, which tell copies from images that merely have near codes."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from aesearch import dedupe
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T


def verify(pairs: DataFrame, images: DataFrame, similarity: float, *, key: str = "path") -> DataFrame:
    """Those of ``pairs`` whose images are at least so similar, 0 to 1, with the column ``similarity``.

    ``pairs`` has ``a`` and ``b``, values of ``key``, and ``distance``; ``images`` has ``key`` and ``fingerprint``. A comparison
    takes about 20 microseconds. ``similarity`` means what it does in plans: ``aesearch dedupe scan`` of a part of the collection
    calibrates and prints it.
    """
    looks = images.select(F.col(key).alias("key"), "fingerprint").where(F.col("fingerprint").isNotNull())
    begun = pairs.join(looks.select(F.col("key").alias("a"), F.col("fingerprint").alias("first")), "a")
    whole = begun.join(looks.select(F.col("key").alias("b"), F.col("fingerprint").alias("second")), "b")
    schema = T.StructType([T.StructField(name, pairs.schema[name].dataType) for name in ("a", "b", "distance")])
    schema = schema.add("similarity", T.FloatType())
    compared = whole.select("a", "b", "distance", "first", "second").mapInArrow(_compared, schema)
    return compared.where(F.col("similarity") >= similarity)


def _compared(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        first, second = (batch.column(name).to_pylist() for name in ("first", "second"))
        similarity = pa.array(dedupe.similarities(first, second), from_pandas=True)  # null where it is no number
        columns = [batch.column(name) for name in ("a", "b", "distance")]
        yield pa.record_batch([*columns, similarity], names=["a", "b", "distance", "similarity"])
