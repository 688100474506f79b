"""A model's encoder on its own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aesearch import _images, _native, _progress
from aesearch._images import ImageLike
from aesearch._options import checked
from aesearch._progress import Progress
from aesearch.errors import InvalidError


class Encoder:
    """Turns images into latents and codes.

    ``model`` is the name of a shipped model, a folder, or an ONNX file. ``threads`` is 0 for all cores.
    """

    def __init__(self, model: str | os.PathLike[str], *, threads: int = 0) -> None:
        made = checked({"model": model, "threads": threads})
        self._native = _native.Encoder(made["model"], made["threads"])

    @property
    def name(self) -> str:
        """The model's name."""
        return self._native.name

    @property
    def bits(self) -> int:
        """Bits of a code, B."""
        return self._native.bits

    @property
    def latent_size(self) -> int:
        """Numbers of a latent, D."""
        return self._native.latent_size

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """What images are scaled to: channels, height, width."""
        return self._native.input_shape

    def encode(
        self, images: ImageLike | Iterable[ImageLike], *, batch_size: int = 4096, progress: Progress = None
    ) -> NDArray[np.float32]:
        """The latents f32 [N, D] of images: an array, a list or an iterator; [D] of a single image.

        ``batch_size`` is how many images of an iterator are in memory at once.
        """
        batch_size = checked({"batch_size": batch_size})["batch_size"]
        if _images.is_one(images):
            with _progress.Listener(False) as listener:
                latents: NDArray[np.float32] = self._native.encode([_images.native(images, "image")], listener)[0]
            return latents
        with _progress.Listener(progress) as listener:
            batches = list(self._batches(_images.each(images), batch_size, listener))
        return np.concatenate(batches) if batches else np.empty((0, self.latent_size), np.float32)

    def _batches(
        self, images: Iterator[Any], batch_size: int, listener: _progress.Listener
    ) -> Iterator[NDArray[np.float32]]:
        number = 0
        while some := list(islice(images, batch_size)):
            given = [_images.native(image, f"image {at}") for at, image in enumerate(some, number)]
            number += len(some)
            yield self._native.encode(given, listener)

    def codes(self, latents: ArrayLike) -> NDArray[np.uint64]:
        """The codes u64 [N, B / 64] of latents f32 [N, D], for models whose codes are the signs of latents."""
        latents = np.atleast_2d(np.asarray(latents, np.float32))
        if latents.ndim != 2 or latents.shape[1] != self.latent_size:
            raise InvalidError(f"latents: expected [N, {self.latent_size}], got {latents.shape}")
        return self._native.codes(latents.tobytes())

    def __repr__(self) -> str:
        return f"Encoder({self.name!r}, {self.bits} bits, latents of {self.latent_size} numbers)"
