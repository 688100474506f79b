"""What crosses between Python and Rust."""

from __future__ import annotations

from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: A file on disk, an image file in memory, or pixels u8 [height, width, channels]; names are bytes.
NativeImage: TypeAlias = tuple[bytes] | tuple[bytes, bytes] | tuple[bytes, bytes, tuple[int, int, int]]

#: Ids, names, labels, distances, similarities, and whether each is near.
NativeHits: TypeAlias = tuple[
    NDArray[np.int64], list[bytes], list[str | None], NDArray[np.int32], NDArray[np.float32], list[bool | None]
]


class Listening(Protocol):
    """Hears of a long call."""

    def stage(self, name: str, unit: str) -> object: ...
    def progress(self, done: int, total: int, loss: float | None) -> object: ...
    def note(self, text: str, hint: str | None, is_warning: bool) -> object: ...
    def skipped(self, name: str, reason: str) -> object: ...
