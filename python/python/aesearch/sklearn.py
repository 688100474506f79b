"""An autoencoder as a transformer of scikit-learn; needs ``pip install scikit-learn``.

>>> from aesearch.sklearn import AutoencoderTransformer  # doctest: +SKIP
>>> AutoencoderTransformer(bits=32, epochs=5).fit_transform(images)  # doctest: +SKIP
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted

from aesearch import _native
from aesearch._encoder import Encoder
from aesearch._train import Callback, train
from aesearch.errors import InvalidError

__all__ = ["AutoencoderTransformer"]


class AutoencoderTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Images to latents by an autoencoder that is trained on them, and back.

    X is an array of images [N, H, W] or [N, H, W, C], or flattened [N, H * W * C]; those are squares, of one channel
    or three, unless ``image_shape`` says (H, W) or (H, W, C). Values are bytes 0 to 255 or floats 0 to 1; of others,
    the least and the largest of the training images become black and white.

    ``output`` is ``latents``, f32 [N, D], or ``bits``, u8 [N, B] of 0 and 1. ``model`` is one that is taken as it is,
    such as ``digits-64``: nothing is trained then. The other parameters are those of :func:`aesearch.train`.
    """

    def __init__(
        self,
        *,
        model: str | None = None,
        family: str | None = None,
        bits: int | None = None,
        latent: int | None = None,
        epochs: int | None = None,
        batch: int | None = None,
        learning_rate: float | None = None,
        augment: str | None = None,
        image_shape: tuple[int, ...] | None = None,
        output: Literal["latents", "bits"] = "latents",
        random_state: int | None = 0,
        callbacks: tuple[Callback, ...] = (),
        threads: int = 0,
    ) -> None:
        self.model = model
        self.family = family
        self.bits = bits
        self.latent = latent
        self.epochs = epochs
        self.batch = batch
        self.learning_rate = learning_rate
        self.augment = augment
        self.image_shape = image_shape
        self.output = output
        self.random_state = random_state
        self.callbacks = callbacks
        self.threads = threads

    def fit(self, X: Any, y: object = None) -> AutoencoderTransformer:
        """Trains on X; y is ignored."""
        if self.output not in ("latents", "bits"):
            raise InvalidError(f"output: expected latents or bits, got {self.output!r}")
        X = self._checked(X, reset=True)
        self.image_shape_ = self._shape(X)
        self.range_ = _range(X)
        if self.model is not None:
            self.files_: dict[str, bytes] = {}
        else:
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "model"
                result = train(
                    self._images(X),
                    out=out,
                    family=self.family,  # type: ignore[arg-type]
                    bits=self.bits,
                    latent=self.latent,
                    epochs=self.epochs,
                    batch=self.batch,
                    learning_rate=self.learning_rate,
                    augment=self.augment,
                    seed=self.random_state,
                    callbacks=self.callbacks,
                    threads=self.threads,
                    progress=False,
                )
                self.curve_ = result.train_losses
                self.files_ = {file.name: file.read_bytes() for file in out.iterdir() if file.is_file()}
        self._open()
        self._n_features_out = self._encoder.bits if self.output == "bits" else self._encoder.latent_size
        return self

    def transform(self, X: Any) -> NDArray[Any]:
        """f32 [N, D], or u8 [N, B], of images."""
        check_is_fitted(self, "files_")
        images = self._images(self._checked(X, reset=False))
        latents = self._encoder.encode(list(images), progress=False)
        if self.output == "latents":
            return latents
        codes = self._encoder.codes(latents)
        bits: NDArray[np.uint8] = np.unpackbits(codes.view(np.uint8), axis=1, bitorder="little")
        return bits[:, : self._encoder.bits]

    def inverse_transform(self, X: Any) -> NDArray[np.float32]:
        """Images of latents f32 [N, D], in the shape and range of those that it was fitted on."""
        check_is_fitted(self, "files_")
        if self.output != "latents":
            raise InvalidError("inverse_transform: expected output='latents', got 'bits', which say too little")
        latents = check_array(X, dtype=np.float32)
        with tempfile.TemporaryDirectory() as folder:
            decoder = _native.Decoder(self._place(folder))
        drawn = np.moveaxis(decoder.decode(np.ascontiguousarray(latents).tobytes()), 1, 3)  # [N, H, W, C]
        height, width, channels = self.image_shape_
        drawn = _scaled(drawn, height, width)
        if drawn.shape[3] != channels:
            drawn = drawn.mean(axis=3, keepdims=True) if channels == 1 else np.repeat(drawn, channels, axis=3)
        low, high = self.range_
        images: NDArray[np.float32] = (drawn * (high - low) + low).astype(np.float32)
        if self.n_dims_ == 2:
            return images.reshape(len(images), -1)
        return images[..., 0] if self.n_dims_ == 3 else images

    def _checked(self, X: Any, *, reset: bool) -> NDArray[Any]:
        X = check_array(X, dtype=None, allow_nd=True, ensure_min_samples=2 if reset else 1)
        kind = "whole numbers" if X.dtype.kind in "iu" else "floats"
        if reset:
            self.kind_ = kind
        elif kind != self.kind_:  # 1.0 is white among floats, and almost black among bytes
            hint = "give images as those of fit, such as bytes of 0 to 255 or floats of 0 to 1"
            raise InvalidError(f"X: expected {self.kind_}, as it was fitted on, got {X.dtype}", hint)
        if X.dtype != np.uint8 and X.dtype.kind != "f":
            X = X.astype(np.float32)
        features = int(np.prod(X.shape[1:]))
        if reset:
            self.n_features_in_, self.n_dims_ = features, X.ndim
        elif features != self.n_features_in_:
            name, expected = type(self).__name__, self.n_features_in_
            raise ValueError(f"X has {features} features, but {name} is expecting {expected} features as input")
        return X  # type: ignore[no-any-return, unused-ignore]

    def _shape(self, X: NDArray[Any]) -> tuple[int, int, int]:
        """Height, width, channels."""
        if X.ndim > 2:
            height, width, channels = (*X.shape[1:], 1)[:3]
        elif self.image_shape is not None:
            height, width, channels = (*self.image_shape, 1)[:3]
        else:
            n = X.shape[1]
            channels = next((c for c in (1, 3) if n % c == 0 and round((n / c) ** 0.5) ** 2 * c == n), 0)
            height = width = round((n / channels) ** 0.5) if channels else 0
        if height * width * channels != self.n_features_in_ or channels not in (1, 3, 4):
            raise InvalidError(
                f"X: expected images [N, H, W] or [N, H, W, 1 | 3], or those flattened, got {X.shape}",
                "say what flattened images are: image_shape=(H, W) or (H, W, 3)",
            )
        return int(height), int(width), int(channels)

    def _images(self, X: NDArray[Any]) -> NDArray[np.uint8]:
        images = X.reshape(len(X), *self.image_shape_)
        if images.dtype != np.uint8:
            low, high = self.range_
            scale = 255 / (high - low) if high > low else 0
            images = np.rint(np.clip((images - low) * scale, 0, 255)).astype(np.uint8)
        return images

    def _place(self, folder: str) -> str:
        """What to open the model by; its files are put into ``folder`` first, if it was trained here."""
        if self.model is not None:
            return os.fspath(self.model)
        for name, data in self.files_.items():
            (Path(folder) / name).write_bytes(data)
        return folder

    def _open(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self._encoder = Encoder(self._place(folder), threads=self.threads)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "_encoder"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "files_" in state:
            self._open()


def _range(X: NDArray[Any]) -> tuple[float, float]:
    """What is black and what is white."""
    if X.dtype == np.uint8:
        return 0.0, 255.0
    low, high = float(X.min()), float(X.max())
    return (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)


def _scaled(images: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """[N, H, W, C] at another size, by the nearest pixels."""
    if images.shape[1:3] == (height, width):
        return images
    rows = (np.arange(height) + 0.5) * images.shape[1] // height
    columns = (np.arange(width) + 0.5) * images.shape[2] // width
    return images[:, rows.astype(int)][:, :, columns.astype(int)]
