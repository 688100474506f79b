"""What the tests share: small drawn images, and an index of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import aesearch


def drawing(n: int) -> NDArray[np.uint8]:
    """A grey picture of 28 x 28, another one for each ``n``."""
    random = np.random.default_rng(n)
    image = np.zeros((28, 28), np.uint8)
    for _ in range(3):
        left, top, width, height = (int(x) for x in random.integers(2, 12, 4))
        image[top : top + height, left : left + width] = random.integers(128, 256)
    return image


@pytest.fixture
def drawings() -> NDArray[np.uint8]:
    """u8 [60, 28, 28]"""
    return np.stack([drawing(n) for n in range(60)])


@pytest.fixture
def folder(tmp_path: Path, drawings: NDArray[np.uint8]) -> Path:
    """A folder with pictures ``a/000.pgm`` to ``b/059.pgm``."""
    for n, image in enumerate(drawings):
        file = tmp_path / "pictures" / "ab"[n % 2] / f"{n:03}.pgm"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"P5 28 28 255\n" + image.tobytes())
    return tmp_path / "pictures"


@pytest.fixture
def index(tmp_path: Path, folder: Path) -> aesearch.Index:
    """An index of that folder."""
    index = aesearch.Index.create(tmp_path / "index", model="digits-64")
    index.add(folder)
    return index
