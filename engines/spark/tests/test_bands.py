"""Bands: no pair within the radius is missed, by construction and by trial."""

from __future__ import annotations

import random

import pytest

from aesearch_spark.bands import WORD, Band, bands_for, cut


@pytest.mark.parametrize("bits", [32, 40, 64, 96, 128, 256])
@pytest.mark.parametrize("radius", [0, 1, 2, 3, 6, 10])
def test_bands_are_apart_and_their_radii_reach_the_radius(bits: int, radius: int) -> None:
    for m in range(1, radius + 2):
        bands = cut(bits, m, radius)
        assert len(bands) == m and sum(band.radius + 1 for band in bands) == radius + 1
        used: set[int] = set()
        for band in bands:
            places = set(range(WORD * band.word + band.start, WORD * band.word + band.start + band.width))
            assert places and not places & used and band.start + band.width <= WORD and max(places) < bits
            used |= places


@pytest.mark.parametrize("bits", [32, 64, 96, 128])
@pytest.mark.parametrize("radius", [0, 2, 6])
@pytest.mark.parametrize("n_codes", [1000, 10**7, 10**9])
def test_every_near_pair_meets_in_a_bucket(bits: int, radius: int, n_codes: int) -> None:
    chance, bands = random.Random(bits * radius), bands_for(bits, radius, n_codes)
    probes = [set(band.flips()) for band in bands]
    for _ in range(300):
        one = chance.getrandbits(bits)
        other = one
        for place in chance.sample(range(bits), radius):
            other ^= 1 << place
        assert any(key(one, band) ^ key(other, band) in probe for band, probe in zip(bands, probes, strict=True))


def test_probes_are_counted_and_many_codes_take_fewer_bands() -> None:
    for band in bands_for(64, 6, 10**8):
        flips = list(band.flips())
        assert len(flips) == len(set(flips)) == band.n_probes
        assert all(flip & ~band.mask == 0 for flip in flips)
    numbers = [len(bands_for(64, 6, n)) for n in (10**4, 10**6, 10**8)]
    assert numbers == sorted(numbers, reverse=True) and numbers[0] == 7 and numbers[-1] < 5
    assert bands_for(64, 6, 10**4)[0].mask == 0x1FF
    with pytest.raises(ValueError, match="radius: expected 0 to 63, got 64"):
        bands_for(64, 64, 10)


def key(code: int, band: Band) -> int:
    """The bucket of a code, as Spark computes it."""
    word = code >> (WORD * band.word) & (1 << WORD) - 1
    bits = word & band.mask & (1 << WORD) - 1
    return bits - (1 << WORD) if bits >> (WORD - 1) else bits
