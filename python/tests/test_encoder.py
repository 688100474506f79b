"""Encoder: images to latents and codes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import aesearch


def test_latents_and_codes(drawings: NDArray[np.uint8]) -> None:
    encoder = aesearch.Encoder("digits-64")
    assert (encoder.name, encoder.bits, encoder.latent_size) == ("digits-64", 64, 64)
    assert encoder.input_shape == (1, 28, 28) and "digits-64" in repr(encoder)
    latents = encoder.encode(drawings)
    assert latents.shape == (60, 64) and latents.dtype == np.float32
    np.testing.assert_allclose(encoder.encode(drawings[3]), latents[3], atol=1e-4)
    np.testing.assert_allclose(encoder.encode(iter(drawings), batch_size=7), latents, atol=1e-4)
    codes = encoder.codes(latents)
    bits = np.packbits(latents > 0, axis=1, bitorder="little").view(np.uint64)
    assert codes.dtype == np.uint64 and np.array_equal(codes, bits)
    assert encoder.encode([]).shape == (0, 64)


def test_codes_are_those_of_an_index(index: aesearch.Index, folder: Path) -> None:
    names = index.names
    encoder = aesearch.Encoder("digits-64")
    codes = encoder.codes(encoder.encode([Path(name) for name in names]))
    assert np.array_equal(codes, index.codes())


def test_what_cannot_be_encoded_is_said(drawings: NDArray[np.uint8]) -> None:
    encoder = aesearch.Encoder("digits-64")
    with pytest.raises(aesearch.InvalidError, match="image 1"):
        encoder.encode([drawings[0], b"no picture"])
    with pytest.raises(aesearch.InvalidError, match=r"latents: expected \[N, 64\]"):
        encoder.codes(np.zeros((2, 3)))
    with pytest.raises(aesearch.InvalidError, match="ask an index"):
        photos = aesearch.Encoder("photos")
        photos.codes(np.zeros((1, photos.latent_size)))
