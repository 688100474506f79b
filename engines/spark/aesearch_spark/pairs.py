"""Which codes, and which images, are within a radius of each other? Exactly; see ``bands``."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from aesearch_spark.bands import Band, bands_for
from aesearch_spark.joins import HOT, salted_join


def near_codes(codes: DataFrame, radius: int, *, hot: int = HOT) -> DataFrame:
    """All pairs of different codes within ``radius`` bits of each other: ``a``, ``b`` and ``distance``, each pair once.

    ``codes`` has the column ``code``; equal ones count as one, and nulls are left out. They are counted at once, to choose the
    bands. Buckets of more than ``hot`` codes are split over several tasks.
    """
    found = codes.where(F.col("code").isNotNull()).select("code").distinct()
    n, shortest, longest = found.agg(F.count("*"), F.min(F.length("code")), F.max(F.length("code"))).first() or (0, 0, 0)
    if n == 0:
        return codes.sparkSession.createDataFrame([], "a binary, b binary, distance int")
    if shortest != longest:
        raise ValueError(f"codes: expected all of one length, got {shortest} to {longest} bytes")
    return _near(found, bands_for(8 * longest, radius, n), radius, -(-longest // 8), hot if n > hot else None)


def near_pairs(
    images: DataFrame, radius: int, *, key: str = "path", crowd: int | None = None, hot: int = HOT
) -> DataFrame:
    """All pairs of images whose codes are within ``radius`` bits of each other: ``a`` and ``b``, values of ``key`` with a < b,
    and ``distance``, each pair once. ``key`` names an image; those with ``code`` null are left out.

    With ``crowd``, a code that more images have is represented by one of them: the others are paired with that one, and it
    alone with images of other codes. Blank pages or identical covers would else give pairs by the square of their number.
    """
    members = images.where(F.col("code").isNotNull()).select(F.col(key).alias("key"), "code")
    members = members.withColumn("first", F.lit(None).cast(members.schema["key"].dataType))
    if crowd is not None:
        crowds = members.groupBy("code").agg(F.count("*").alias("n"), F.min("key").alias("first"))
        crowds = F.broadcast(crowds.where(F.col("n") > crowd).drop("n"))
        members = members.drop("first").join(crowds, "code", "left")
    free = members.where(F.col("first").isNull()).select("key", "code")
    first = members.where(F.col("first") == F.col("key")).select("key", "code")
    followers = members.where(F.col("first") != F.col("key"))

    salted = hot if members.count() > hot else None
    equal = salted_join(free, free, ["code"], F.col("a.key") < F.col("b.key"), salted)
    equal = equal.select(F.col("a.key").alias("a"), F.col("b.key").alias("b"))
    star = followers.select(F.col("first").alias("a"), F.col("key").alias("b"))
    same = equal.unionByName(star).withColumn("distance", F.lit(0))

    ends = free.unionByName(first)
    codes = near_codes(ends, radius, hot=hot)
    # whoever has the first code of a pair, then whoever has the second
    begun = salted_join(codes.withColumn("code", F.col("a")), ends, ["code"], F.lit(True), salted)
    begun = begun.select(F.col("b.key").alias("one"), F.col("a.b").alias("code"), F.col("a.distance").alias("distance"))
    whole = salted_join(begun, ends, ["code"], F.lit(True), salted)
    one, two = F.col("a.one"), F.col("b.key")
    apart = whole.select(F.least(one, two).alias("a"), F.greatest(one, two).alias("b"), F.col("a.distance").alias("distance"))
    return same.unionByName(apart)


def _near(codes: DataFrame, bands: list[Band], radius: int, n_words: int, hot: int | None) -> DataFrame:
    words = [f"w{word}" for word in range(n_words)]
    table = codes.select(*(_word("code", word).alias(name) for word, name in enumerate(words)), "code")
    own = table.crossJoin(F.broadcast(_probes(codes, bands, is_own=True))).withColumn("key", _key(bands))
    asked = table.crossJoin(F.broadcast(_probes(codes, bands, is_own=False))).withColumn("key", _key(bands))

    def differing(band: Band) -> Column:
        return F.bit_count(_both(words[band.word]).bitwiseAND(F.lit(band.mask)))

    distance = reduce(Column.__add__, (F.bit_count(_both(word)) for word in words))
    # a pair that is near in several bands is found in the first of them
    earlier = [
        (F.col("a.band") <= at) | (differing(band) > band.radius) for at, band in enumerate(bands[:-1])
    ]
    condition = reduce(Column.__and__, earlier, F.col("a.code") < F.col("b.code")) & (distance <= radius)
    found = salted_join(asked.drop("flip"), own.drop("flip"), ["band", "key"], condition, hot)
    return found.select(F.col("a.code").alias("a"), F.col("b.code").alias("b"), distance.alias("distance"))


def _both(word: str) -> Column:
    return F.col(f"a.{word}").bitwiseXOR(F.col(f"b.{word}"))


def _word(code: str, word: int) -> Column:
    """Eight bytes of a code, or those that are left, as a number. Only which bits differ matters, so their order does not."""
    digits = F.hex(F.substring(code, 8 * word + 1, 8))
    return F.conv(digits, 16, -10).cast("bigint")


def _probes(codes: DataFrame, bands: list[Band], *, is_own: bool) -> DataFrame:
    flips = [(at, flip) for at, band in enumerate(bands) for flip in ([0] if is_own else band.flips())]
    schema = T.StructType().add("band", T.IntegerType(), False).add("flip", T.LongType(), False)
    return codes.sparkSession.createDataFrame(flips, schema)


def _key(bands: list[Band]) -> Column:
    """The bucket of a code in a band, once some bits are flipped."""
    key = F.lit(None).cast("bigint")
    for at, band in enumerate(bands):
        bits = F.col(f"w{band.word}").bitwiseAND(F.lit(band.mask))
        key = F.when(F.col("band") == at, bits.bitwiseXOR(F.col("flip"))).otherwise(key)
    return key
