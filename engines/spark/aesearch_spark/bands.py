"""Which bits of two near codes must be alike?

Multi-index hashing (Norouzi, Punjani and Fleet 2012). A code is cut into m bands of its bits, band k with a radius r_k of its
own, such that the sum of all r_k + 1 is radius + 1. Two codes that differ by more than r_k bits in every band differ by at least
radius + 1 bits in all; so codes within the radius differ by at most r_k bits in some band k. That holds for every pair: the search
is exact, whatever m. Few bands of many bits have few strangers in a bucket, but take more probes: each code asks for its own
bucket and for those of all codes within r_k bits of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb

WORD = 64
#: Time to write, shuffle and read a row, in comparisons of two codes.
_ROW = 20.0
#: A code asks for no more buckets.
_MOST_PROBES = 2000


@dataclass(frozen=True)
class Band:
    """Some bits of one word of a code."""

    word: int
    #: The first bit, from the least significant, and how many.
    start: int
    width: int
    #: Bits that may differ.
    radius: int

    @property
    def mask(self) -> int:
        """The bits that are in the band, as a signed number of 64 bits."""
        return _signed(((1 << self.width) - 1) << self.start)

    @property
    def n_probes(self) -> int:
        """Buckets within the radius."""
        return sum(comb(self.width, bits) for bits in range(self.radius + 1))

    def flips(self) -> Iterator[int]:
        """What leads from a bucket to each of them, by exclusive or."""
        for bits in range(self.radius + 1):
            for places in combinations(range(self.start, self.start + self.width), bits):
                yield _signed(sum(1 << place for place in places))


def bands_for(bits: int, radius: int, n_codes: int) -> list[Band]:
    """The bands for so many codes of so many bits that take the least time, if bits are independent of each other."""
    if radius < 0 or radius >= bits:
        raise ValueError(f"radius: expected 0 to {bits - 1}, got {radius}")
    cuts = [cut(bits, m, radius) for m in range(1, radius + 2)]
    return min((bands for bands in cuts if _is_fit(bands)), key=lambda bands: _cost(bands, n_codes))


def cut(bits: int, m: int, radius: int) -> list[Band]:
    """A code as m bands or more, of which none reaches over the end of a word."""
    words = [min(WORD, bits - start) for start in range(0, bits, WORD)]
    shares = [1] * len(words) if m >= len(words) else [1] * m
    while sum(shares) < m:
        wide = max(range(len(shares)), key=lambda word: words[word] / (shares[word] + 1))
        shares[wide] += 1
    places = [
        (word, words[word] * part // share, words[word] * (part + 1) // share)
        for word, share in enumerate(shares)
        for part in range(share)
    ]
    each, more = divmod(radius + 1, m)
    widest = sorted(range(m), key=lambda band: places[band][1] - places[band][2])[:more]
    return [
        Band(word, start, end - start, each if band in widest else each - 1)
        for band, (word, start, end) in enumerate(places)
    ]


def _is_fit(bands: list[Band]) -> bool:
    is_cheap = sum(band.n_probes for band in bands) <= _MOST_PROBES
    return all(band.width > band.radius for band in bands) and (is_cheap or all(band.radius == 0 for band in bands))


def _cost(bands: list[Band], n: int) -> float:
    rows = float(n) * sum(band.n_probes + 1 for band in bands)
    compared = float(n) ** 2 / 2 * sum(band.n_probes / 2.0**band.width for band in bands)
    return _ROW * rows + compared


def _signed(number: int) -> int:
    return number - (1 << WORD) if number >> (WORD - 1) else number
