"""Images in, codes and latents out: the function that every partition runs."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from functools import lru_cache

import pyarrow as pa
from aesearch import Encoder
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

#: Images, and bytes of them, that are handed to the encoder in one call.
_IMAGES, _BYTES = 1024, 64 << 20

_INPUT = ("path", "content", "label")


def encode(images: DataFrame, encoder: Encoder, *, fingerprints: bool = False) -> DataFrame:
    """What ``aesearch index`` computes of images, as rows: ``path``, ``hash`` (BLAKE3), ``width``, ``height``, ``size`` in bytes, ``format``,
    ``label``, ``code`` (B / 8 bytes), ``latent`` (D bytes, as int8 times ``latent_scale``), and ``reason``. An image that cannot
    be used has a reason and nulls; it never fails the job.

    ``images`` has a column ``path``; the image files themselves in ``content``, as Spark's source ``binaryFile`` and Parquet
    files of bytes have them, else executors read the paths; and ``label``, else the name of the folder is the label. Rows stay
    in their partitions. ``encoder`` says which codes: ``Encoder(binarizer=INDEX)`` makes those of an index, bit by bit.
    ``fingerprints`` adds the column ``fingerprint``, for :func:`aesearch_spark.verify`; it decodes images twice.

    Each Python process opens the model once, and encodes with as many threads as a task has cores.
    """
    threads = int(images.sparkSession.conf.get("spark.task.cpus", "1") or 1)
    recipe = pickle.dumps(encoder.with_threads(threads))
    encoder.codes([[0.0] * encoder.latent_size])  # where it has no binarizer, it says so here, not in every task

    def rows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for part in _parts(batch):
                yield _encoded(part, _opened(recipe), fingerprints)

    return images.select(*_inputs(images)).mapInArrow(rows, _schema(fingerprints))


@lru_cache(maxsize=2)
def _opened(recipe: bytes) -> Encoder:
    """The encoder of this process, with its open session. (Worker processes of Spark live longer than tasks.)"""
    encoder: Encoder = pickle.loads(recipe)  # noqa: S301: from our own driver
    return encoder


def _inputs(images: DataFrame) -> Iterator[Column]:
    path = F.regexp_replace("path", "^file:/+", "/")  # as local files are called
    folder = F.nullif(F.regexp_extract(path, "([^/]+)/[^/]+$", 1), F.lit(""))
    yield path.alias("path")
    if "content" in images.columns:
        yield F.col("content")
    yield F.col("label").cast("string") if "label" in images.columns else folder.alias("label")


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Slices of a batch that hold no more than the encoder is to be given at once."""
    lengths = (
        (len(value.as_buffer()) if value.is_valid else 0 for value in batch.column("content"))
        if "content" in batch.schema.names
        else iter([0] * len(batch))
    )
    start, held = 0, 0
    for at, length in enumerate(lengths):
        if at > start and (at - start == _IMAGES or held + length > _BYTES):
            yield batch.slice(start, at - start)
            start, held = at, 0
        held += length
    if start < len(batch):
        yield batch.slice(start)


def _encoded(part: pa.RecordBatch, encoder: Encoder, fingerprints: bool) -> pa.RecordBatch:
    if "content" in part.schema.names:
        images = [value.as_buffer() if value.is_valid else b"" for value in part.column("content")]
        images = [memoryview(image) for image in images]
    else:
        images = part.column("path").to_pylist()
    table = pa.record_batch(encoder.to_arrow(images, fingerprints=fingerprints))
    columns = dict(zip(table.schema.names, table.columns, strict=True))
    columns |= {name: part.column(name) for name in ("path", "label")}
    names = _schema(fingerprints).names
    return pa.record_batch([columns[name] for name in names], names=names)


def _schema(fingerprints: bool) -> T.StructType:
    schema = (
        T.StructType()
        .add("path", T.StringType())
        .add("hash", T.BinaryType())
        .add("width", T.IntegerType())
        .add("height", T.IntegerType())
        .add("size", T.LongType())
        .add("format", T.StringType())
        .add("label", T.StringType())
        .add("code", T.BinaryType())
        .add("latent", T.BinaryType())
        .add("latent_scale", T.FloatType())
    )
    if fingerprints:
        schema = schema.add("fingerprint", T.BinaryType())
    return schema.add("reason", T.StringType())
