"""Near pairs: exactly those of a scan of all pairs, also where a tenth of all codes are equal."""

from __future__ import annotations

import aesearch
import numpy as np
import pytest
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession

from aesearch_spark import near_codes, near_pairs

Pairs = set[tuple[int, int, int]]


def test_digits_with_a_tenth_of_equal_codes(spark: SparkSession, digits_index: aesearch.Index) -> None:
    codes = digits_index.codes()[:2000].copy()
    codes[::10] = codes[0]
    expected = scanned(codes, 6)
    assert len(expected) > 20_000 + 200 * 199 // 2 and {distance for *_, distance in expected} == set(range(7))
    found = near_pairs(table(spark, codes), 6, key="id", hot=20)  # nearly every bucket is hot
    assert pairs_of(found) == expected
    # equal codes as a star around one of them
    crowded = pairs_of(near_pairs(table(spark, codes), 6, key="id", crowd=100))
    equal, first = set(np.flatnonzero((codes == codes[0]).all(axis=1))), 0
    assert crowded == {
        (a, b, d) for a, b, d in expected if not {a, b} & (equal - {first}) or (a == first and b in equal)
    }


@pytest.mark.parametrize(("bits", "radius"), [(32, 3), (96, 5), (128, 6), (256, 9), (64, 0)])
def test_codes_of_other_lengths(spark: SparkSession, bits: int, radius: int) -> None:
    random = np.random.default_rng(bits)
    codes = random.integers(0, 256, (300, bits // 8), np.uint8)
    for at in range(1, 300, 2):  # near the one before
        codes[at] = codes[at - 1]
        for place in random.integers(0, bits, random.integers(0, radius + 3)):
            codes[at, place // 8] ^= 1 << place % 8
    assert pairs_of(near_pairs(table(spark, codes), radius, key="id")) == scanned(codes, radius)


def test_no_codes_and_codes_of_several_lengths(spark: SparkSession) -> None:
    assert near_codes(spark.createDataFrame([(None,)], "code binary"), 3).collect() == []
    with pytest.raises(ValueError, match="codes: expected all of one length, got 4 to 8 bytes"):
        near_codes(spark.createDataFrame([(b"abcd",), (b"abcdefgh",)], "code binary"), 3)


def scanned(codes: NDArray[np.generic], radius: int) -> Pairs:
    """All pairs within the radius, by comparing all with all."""
    words = np.ascontiguousarray(codes).view(np.uint8)
    found = set()
    for a in range(len(words)):
        distances = np.bitwise_count(words[a] ^ words[a + 1 :]).sum(axis=1)
        found |= {(a, a + 1 + int(b), int(distances[b])) for b in np.flatnonzero(distances <= radius)}
    return found


def pairs_of(pairs: DataFrame) -> Pairs:
    rows = [(row["a"], row["b"], row["distance"]) for row in pairs.collect()]
    assert len(set(rows)) == len(rows), "each pair once"
    return set(rows)


def table(spark: SparkSession, codes: NDArray[np.generic]) -> DataFrame:
    rows = [(at, code.tobytes()) for at, code in enumerate(codes)]
    return spark.createDataFrame(rows, "id int, code binary").repartition(2)
