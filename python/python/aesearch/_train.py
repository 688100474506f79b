"""Train a model on images."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aesearch import _display, _images, _native, _progress
from aesearch._encoder import Encoder
from aesearch._images import ImageLike, PathLike
from aesearch._options import checked, listed, whole
from aesearch._progress import Progress
from aesearch._results import Skipped
from aesearch.errors import InvalidError

Family: TypeAlias = Literal["conv-hash", "conv", "dense", "vae", "aae", "lstm", "photo"]


@dataclass(frozen=True)
class Epoch:
    """One finished epoch. Losses are mean binary cross-entropy per pixel, in nats."""

    #: From 1.
    epoch: int
    train_loss: float
    #: ``None`` without images to validate on.
    val_loss: float | None
    #: Wall time.
    seconds: float
    learning_rate: float
    #: Whether its weights are the best so far; always true without validation.
    best: bool
    #: What the family adds to the reconstruction loss, by name.
    terms: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        val = "" if self.val_loss is None else f"  val {self.val_loss:.4f}"
        terms = "".join(f"  {name} {value:.4f}" for name, value in self.terms.items())
        return f"epoch {self.epoch}  train {self.train_loss:.4f}{val}{terms}  {self.seconds:.1f} s"


#: Hears of each epoch; ends the training by returning ``False`` or raising.
Callback: TypeAlias = Callable[[Epoch], object]


@dataclass(frozen=True)
class TrainResult:
    """A model that was trained."""

    #: Its folder, with ``encoder.onnx``, ``decoder.onnx``, ``log.jsonl`` and ``curve.png``.
    path: str
    name: str
    family: str
    bits: int
    parameters: int
    #: One for each epoch: the curve.
    epochs: list[Epoch]
    #: The epoch whose weights were kept, from 1.
    best_epoch: int
    #: ``done``; ``early``, as the validation loss did not fall any more; or ``stopped`` by a callback.
    ending: str
    #: Images that it was trained on, and how many of them are in one step.
    images: int
    batch: int
    skipped: list[Skipped]

    @property
    def train_losses(self) -> NDArray[np.float64]:
        """f64 [epochs]"""
        return np.array([epoch.train_loss for epoch in self.epochs])

    @property
    def val_losses(self) -> NDArray[np.float64]:
        """f64 [epochs]; NaN without images to validate on."""
        return np.array([np.nan if epoch.val_loss is None else epoch.val_loss for epoch in self.epochs])

    def encoder(self, *, threads: int = 0) -> Encoder:
        """Its encoder."""
        return Encoder(self.path, threads=threads)

    def __repr__(self) -> str:
        head = f"{self.path!r}, {self.family}, {self.bits} bits, {self.parameters:,} parameters, {self.ending}"
        return "\n".join([f"TrainResult({head}, epoch {self.best_epoch} kept)", *(f"  {e}" for e in self.epochs[-20:])])

    def _repr_html_(self) -> str:
        html = _display.facts(
            [
                ("model", self.path),
                ("family", f"{self.family}, {self.bits} bits, {self.parameters:,} parameters"),
                ("images", f"{self.images:,}, {self.batch} in a step"),
                ("epochs", f"{len(self.epochs)}, {self.ending}; epoch {self.best_epoch} kept"),
            ]
        )
        curve = os.path.join(self.path, "curve.png")
        if os.path.exists(curve):
            with open(curve, "rb") as file:
                html += _display.picture(file.read(), "losses by epoch", 480)
        return html


class _TrainListener(_progress.Listener):
    def __init__(self, progress: Progress, callbacks: Callback | Iterable[Callback]) -> None:
        super().__init__(progress)
        self._callbacks = listed("callbacks", callbacks)

    def epoch(self, report: str) -> bool:
        epoch = Epoch(**json.loads(report))
        said = [callback(epoch) for callback in self._callbacks]  # all of them hear of it
        return not any(one is False for one in said)


def train(
    data: ImageLike | Iterable[ImageLike],
    *,
    out: PathLike,
    family: Family | None = None,
    bits: int | None = None,
    latent: int | None = None,
    width: int | None = None,
    depth: int | None = None,
    epochs: int | None = None,
    batch: int | None = None,
    learning_rate: float | None = None,
    weight_decay: float | None = None,
    augment: str | None = None,
    denoise: float | None = None,
    early_stop: int | None = None,
    seed: int | None = None,
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    validation: float | PathLike | None = None,
    start: str | PathLike | None = None,
    teacher: str | PathLike | None = None,
    exclude: str | Iterable[str] = (),
    callbacks: Callback | Iterable[Callback] = (),
    resume: bool = False,
    force: bool = False,
    device: str = "auto",
    threads: int = 0,
    max_memory: int | None = None,
    progress: Progress = None,
) -> TrainResult:
    """Trains a model on images and writes its folder ``out``.

    ``data`` are paths, or images in memory: an array [N, H, W] or [N, H, W, C], or a list of them. What is not given
    depends on the images and the family. ``validation`` is a share of the images to hold out, or a path to others.
    ``size`` is that of the model's input in pixels, or (width, height). ``start`` is a model whose weights to start
    from, ``teacher`` an encoder whose features to learn. Images of more bytes than ``max_memory`` lie in a file meanwhile.

    Each of ``callbacks`` is called with an :class:`Epoch` after each one. If it returns ``False``, the training stops,
    and the best epoch so far is written; if it raises, too, and the exception passes on. So does Ctrl-C. What was
    stopped goes on with ``resume=True``; ``force`` starts over.
    """
    is_path = isinstance(validation, str | os.PathLike)
    sides = (size, size) if size is None or isinstance(size, int | np.integer) else size
    options = {
        "validation": None if is_path else validation,
        "start": start,
        "teacher": teacher,
        "channels": channels,
        "max_memory": max_memory,
        "family": family,
        "bits": bits,
        "width": width,
        "depth": depth,
        "latent": latent,
        "epochs": epochs,
        "batch": batch,
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "augment": augment,
        "seed": seed,
        "denoise": denoise,
        "early_stop": early_stop,
    }
    wanted = checked(options, none=options)
    wanted |= checked({"exclude": exclude, "resume": resume, "force": force, "device": device, "threads": threads})
    wanted["size"] = None if size is None else _size(sides)
    wanted["validation_data"] = validation if is_path else None
    wanted["out"] = os.fspath(out)
    with ExitStack() as stack:
        wanted["data"] = _paths(data, stack)
        with _TrainListener(progress, callbacks) as listener:
            done = _native.train(wanted, listener)
    listener.warn_of_skipped()
    done["epochs"] = [Epoch(**epoch) for epoch in json.loads(done["epochs"])]
    done["skipped"] = [Skipped(*one) for one in done["skipped"]]
    return TrainResult(path=os.fspath(out), **done)


def _size(sides: Any) -> tuple[int, int]:
    """Width and height."""
    if not isinstance(sides, Iterable) or len(both := list(sides)) != 2:
        raise InvalidError(f"size: expected a number of pixels, or (width, height), got {sides!r}")
    width, height = (whole("size", side) for side in both)
    return width, height


def _paths(data: Any, stack: ExitStack) -> list[PathLike]:
    """Paths of images; those in memory are written into a folder for the time of the training."""
    if _images.is_path(data):
        return [data]
    images = list(_images.each(data))
    if not images:
        raise InvalidError("data: expected images, got none")
    if all(_images.is_path(image) for image in images):
        return images
    given = [_images.native(image, f"image {at}") for at, image in enumerate(images)]
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    shapes = {image[2] if len(image) == 3 else None for image in given}
    if len(shapes) == 1 and None not in shapes:
        shape = shapes.pop()
        assert shape is not None
        pixels = np.frombuffer(b"".join(image[1] for image in given if len(image) == 3), np.uint8)
        pixels = pixels.reshape(len(given), *shape)
        path = os.path.join(folder, "images.npy")
        np.save(path, pixels[..., 0] if shape[2] == 1 else pixels)
        return [path]
    paths: list[PathLike] = []
    for at, image in enumerate(given):
        if len(image) == 1:
            paths.append(os.fsdecode(image[0]))
            continue
        if len(image) == 3:
            height, width, channels = image[2]
            head, end = b"P%d %d %d 255\n" % (5 if channels == 1 else 6, width, height), "ppm"
        else:
            head, end = b"", "jpg" if image[1].startswith(b"\xff\xd8") else "png"
        path = os.path.join(folder, f"{at:09}.{end}")
        with open(path, "wb") as file:
            file.write(head + image[1])
        paths.append(path)
    return paths
