"""A model's encoder on its own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aesearch import _images, _native, _progress
from aesearch._images import ImageLike, PathLike
from aesearch._native import Table
from aesearch._options import checked
from aesearch._progress import Progress
from aesearch.errors import InvalidError


class Encoder:
    """Turns images into latents and codes.

    ``model`` is the name of a shipped model, a folder, or an ONNX file. ``binarizer`` is an index, whose codes it then
    makes (without ``model``, by the model of that index; images are inverted where the index inverts them), or a file of
    ``aesearch info --save-binarizer``. ``inverted`` says otherwise. ``threads`` is 0 for all cores.

    Sessions stay open from call to call. A pickled encoder takes its binarizer along, and opens its model again where it
    arrives: a shipped one by its name, another one from the same path.
    """

    def __init__(
        self,
        model: PathLike | None = None,
        *,
        binarizer: PathLike | None = None,
        inverted: bool | None = None,
        threads: int = 0,
    ) -> None:
        if model is None and binarizer is None:
            raise InvalidError("model: expected a model, or a binarizer, which names one; got neither")
        options = {"model": "auto" if model is None else model, "binarizer": binarizer, "threads": threads}
        made = checked(options, none=["binarizer"])
        self._open(made["model"], made["binarizer"], inverted, made["threads"])

    def _open(self, model: str, binarizer: str | bytes | None, inverted: bool | None, threads: int) -> None:
        self._native = _native.Encoder(model, binarizer, inverted, threads)
        self._model, self._threads = model, threads

    def __reduce__(self) -> tuple[Any, ...]:
        facts = self._native.facts_bytes
        model = self._model if facts is None else "auto"  # they say where it is
        return (_opened, (model, facts, self.inverted, self._threads))

    def with_threads(self, threads: int) -> Encoder:
        """The same encoder with so many threads; 0 is all cores."""
        make, (*how, _) = self.__reduce__()
        return cast("Encoder", make(*how, checked({"threads": threads})["threads"]))

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

    @property
    def inverted(self) -> bool:
        """Whether images are inverted before they are encoded."""
        return self._native.inverted

    @property
    def model_sha256(self) -> str:
        """What identifies the model: codes of others cannot be compared with its codes."""
        return self._native.model_sha256

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

    def to_arrow(self, images: Any, *, fingerprints: bool = False, progress: Progress = False) -> Table:
        """A table with a row for each image: ``hash`` (BLAKE3 of its bytes), ``width``, ``height``, ``size`` in bytes, ``format``, ``code``
        (B / 8 bytes), ``latent`` (D bytes, as int8 times ``latent_scale``, as an index keeps them), and ``reason``: why
        an image cannot be used, whose other values are null. pyarrow, polars and DuckDB take it as it is.

        ``fingerprints`` adds the column ``fingerprint``, by which :func:`aesearch.dedupe.similarities` compares images;
        each image is decoded once more for it. All images are in memory at once.
        """
        given = [_images.native(image, f"image {at}") for at, image in enumerate(_images.each(images))]
        with _progress.Listener(progress) as listener:
            return self._native.table(given, fingerprints, listener)

    def __repr__(self) -> str:
        return f"Encoder({self.name!r}, {self.bits} bits, latents of {self.latent_size} numbers)"


def _opened(model: str, binarizer: str | bytes | None, inverted: bool, threads: int) -> Encoder:
    encoder = Encoder.__new__(Encoder)
    encoder._open(model, binarizer, inverted, threads)
    return encoder
