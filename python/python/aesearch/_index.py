"""An index of images: add, query, look at."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sized
from itertools import chain, islice, repeat
from operator import length_hint
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aesearch import _display, _images, _native, _progress
from aesearch._explore import Explorer
from aesearch._images import FileLike, ImageLike, PathLike
from aesearch._options import checked, flag, listed
from aesearch._progress import Progress
from aesearch._results import AddReport, Damage, Latents, QueryResult, Skipped, name_of, pictures_of
from aesearch._types import NativeHits, NativeImage
from aesearch.errors import InvalidError

if TYPE_CHECKING:
    from types import TracebackType

_NONE_LEFT: Any = object()
_SETTINGS: dict[str, Any] = {
    "model": "auto",
    "binarizer": "auto",
    "bits": None,
    "thumbnails": None,
    "latents": True,
    "device": "auto",
    "threads": 0,
}
#: Queries that are read into memory together.
_TOGETHER = 256


class Index(Explorer):
    """An index of images, on disk.

    It can be shared between threads. It shows the images of the last commit that this object made or opened;
    :meth:`reload` shows what others have written since. Used as a context manager, it is closed at the end.
    """

    def __init__(self, native: _native.Index, settings: dict[str, Any] | None = None) -> None:
        if not isinstance(native, _native.Index):
            raise TypeError("an index is opened by Index.open(path), or made by Index.create(path)")
        self._native = native
        self._settings = settings

    def __reduce__(self) -> tuple[Any, ...]:
        return (_unpickled, (os.path.abspath(self.path), self._settings))  # other processes open it themselves

    @classmethod
    def open(cls, path: PathLike, *, model: PathLike = "auto", threads: int = 0) -> Index:
        """Opens the index at ``path``: the folder itself, or one with ``.aesearch`` in it.

        ``model`` is where its model is now, where it was moved. ``threads`` is 0 for all cores.
        """
        return cls._at(path, {"model": model, "threads": threads}, is_there=True)

    @classmethod
    def create(
        cls,
        path: PathLike,
        *,
        model: PathLike = "auto",
        binarizer: str = "auto",
        bits: int | None = None,
        thumbnails: int | None = None,
        latents: bool = True,
        device: str = "auto",
        threads: int = 0,
    ) -> Index:
        """A new index in the folder ``path``, written when images are added.

        ``model`` is the name of a shipped model, a folder, an ONNX file, or ``auto``: what suits the images best.
        ``thumbnails`` keeps pictures of so many pixels, to show images that came from memory. Without ``latents``
        the index is smaller, and hits come in the order of their codes.
        """
        settings = {
            "model": model,
            "binarizer": binarizer,
            "bits": bits,
            "thumbnails": thumbnails,
            "latents": latents,
            "device": device,
            "threads": threads,
        }
        return cls._at(path, settings, is_there=False)

    @classmethod
    def _at(cls, path: PathLike, settings: dict[str, Any], *, is_there: bool | None) -> Index:
        settings = checked(_SETTINGS | settings, none=("bits", "thumbnails"))
        return cls(_native.Index.at(path, settings, is_there), settings)

    def close(self) -> None:
        """Lets go of the index's files. What else is asked of it raises :class:`InvalidError`; results and arrays keep
        what they show.
        """
        self._native.close()

    def __enter__(self) -> Index:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()  # nothing is left to be written: every call commits what it did

    def add(
        self,
        images: ImageLike | Iterable[ImageLike] | Mapping[str, ImageLike],
        *,
        names: Iterable[str] | str | None = None,
        labels: Iterable[str | None] | str | None = None,
        exclude: str | Iterable[str] = (),
        prune: bool = False,
        wait: bool = False,
        max_memory: int | None = None,
        progress: Progress = None,
    ) -> AddReport:
        """Adds images: those of paths, or some in memory.

        Of paths (files, folders, containers), only what is new or changed is encoded, and what is gone leaves the
        index; that of a path that is gone as a whole, as where a drive is not mounted, only with ``prune``. ``exclude``
        are patterns as in ``.gitignore``.

        Images in memory are arrays, bytes of image files, open files, pictures of PIL, or an iterator of them, which is
        asked for a few at a time: an array [N, H, W] or [N, H, W, C], a list, a generator, or a dict from name to
        image. ``names`` and ``labels`` have one for each of them; a label may be ``None``. Without names they are
        numbered: from 0, and in later calls from where the numbers of the index end. An image of a name that the index
        holds replaces it; no other leaves the index. The index keeps no pixels of them: what reads images again, such as
        :func:`aesearch.dedupe.scan`, skips them.

        Where an iterator raises, what came before is kept; no new index is made of fewer than the first 1,024 images.
        With ``wait``, another writer may end first; without, it is a :class:`LockedError`. ``max_memory`` is a limit in
        bytes.
        """
        adding = {"exclude": exclude, "prune": prune, "wait": wait, "max_memory": max_memory}
        adding = checked(adding, none=("max_memory",))
        if isinstance(images, Mapping):
            if names is not None:
                raise InvalidError("names: expected none beside a dict, whose keys are the names")
            names, images = images.keys(), images.values()
        elif _images.is_one(images):
            images = [images]  # type: ignore[list-item]
        names = [names] if isinstance(names, str) else names
        labels = [labels] if isinstance(labels, str) else labels
        many: Any = images
        expected = length_hint(many) if not hasattr(many, "shape") else len(many)
        source = _images.each(many)
        first = list(islice(source, 1))
        with _progress.Listener(progress) as listener:
            if names is None and first and _images.is_path(first[0]):
                if labels is not None:
                    raise InvalidError("labels: files have those of their folders; with names=, labels may be given")
                report = self._native.add_paths([*first, *source], adding, listener)
            else:
                if isinstance(many, Sized):
                    _check_lengths(len(many), names=names, labels=labels)
                named = _named(chain(first, source), names, labels)
                report = self._native.add_images(named, expected, adding, listener)
        return _reported(report, listener)

    def remove(self, names: PathLike | Iterable[PathLike]) -> int:
        """Takes images out: by name, or all below a folder or in a container. Returns how many; no file is touched."""
        removed, _, unknown = self._native.remove(listed("names", names))
        if unknown and not removed:
            raise InvalidError(f"{unknown[0]}: the index holds no image there")
        return removed

    def refit(self, *, wait: bool = False, progress: Progress = None) -> AddReport:
        """Fits the binarizer to all images of the index anew, and codes them anew by their latents."""
        with _progress.Listener(progress) as listener:
            report = self._native.refit(flag("wait", wait), listener)
        return _reported(report, listener)

    def verify(self) -> list[Damage]:
        """Checks every byte of the index's files, and lists what is wrong: nothing in a sound index."""
        wrong = self._native.verify()
        return [Damage(os.fspath(path), section, offset, detail) for path, section, offset, detail in wrong]

    def reload(self) -> None:
        """Shows what others have written since the index was opened."""
        self._native.reload()

    @overload
    def query(
        self,
        images: str | os.PathLike[str] | bytes | bytearray | memoryview | FileLike,
        k: int = 10,
        *,
        where: str | None = None, exact: bool = False, recall: float = 0.99, radius: int | None = None,
        rerank: int = 200, without_self: bool = False, only_near: bool = False, progress: Progress = None,
    ) -> QueryResult: ...

    @overload
    def query(
        self,
        images: list[Any] | tuple[Any, ...] | Iterator[Any],
        k: int = 10,
        *,
        where: str | None = None, exact: bool = False, recall: float = 0.99, radius: int | None = None,
        rerank: int = 200, without_self: bool = False, only_near: bool = False, progress: Progress = None,
    ) -> list[QueryResult]: ...

    @overload
    def query(
        self,
        images: ImageLike | Iterable[ImageLike],
        k: int = 10,
        *,
        where: str | None = None, exact: bool = False, recall: float = 0.99, radius: int | None = None,
        rerank: int = 200, without_self: bool = False, only_near: bool = False, progress: Progress = None,
    ) -> Any: ...

    def query(
        self,
        images: ImageLike | Iterable[ImageLike],
        k: int = 10,
        *,
        where: str | None = None,
        exact: bool = False,
        recall: float = 0.99,
        radius: int | None = None,
        rerank: int = 200,
        without_self: bool = False,
        only_near: bool = False,
        progress: Progress = None,
    ) -> Any:
        """The ``k`` images most similar to an image: one :class:`QueryResult`, or a list for several images.

        An image is a path, the bytes of a file, an open file, an array ([H, W], [H, W, C]), or a picture of PIL.
        ``where`` lets only images pass such as ``"label = cat and width > 500"``.
        """
        asked = _asked(k, where, exact, recall, radius) | checked(
            {"rerank": rerank, "without_self": without_self, "only_near": only_near}
        )
        is_one = _images.is_one(images)
        queries = iter([images]) if is_one else _images.each(images)
        shown = self._native.pinned()  # ids, names and pictures of a result are of one commit
        with _progress.Listener(False if is_one else progress) as listener:
            results = list(_answers(shown, queries, asked, listener))
        if is_one and results[0].skipped is not None:
            raise InvalidError(f"{results[0].query}: {results[0].skipped}")
        listener.warn_of_skipped()
        return results[0] if is_one else results

    def query_codes(
        self,
        codes: ArrayLike,
        k: int = 10,
        *,
        where: str | None = None,
        exact: bool = False,
        recall: float = 0.99,
        radius: int | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Ids i64 [Q, k] and distances i32 [Q, k] of the items whose codes are nearest to each of ``codes``.

        Codes are u8 [Q, B / 8] or u64 [Q, B / 64], rounded up. Where there are fewer than ``k`` items, the rest is -1;
        there are no more columns than the index has items.
        """
        codes = np.atleast_2d(np.asarray(codes))
        if codes.dtype not in (np.uint8, np.uint64) or codes.ndim != 2:
            raise InvalidError(
                f"codes: expected uint8 [Q, B / 8] or uint64 [Q, B / 64], got {codes.dtype} {codes.shape}"
            )
        asked = _asked(k, where, exact, recall, radius)
        native = self._native.pinned()
        bits = native.info().get("bits", 8 * codes.itemsize * codes.shape[1])  # none if empty, as the call will say
        width = -(-bits // (8 * codes.itemsize))
        if codes.shape[1] != width:
            raise InvalidError(f"codes: expected {codes.dtype} [Q, {width}] for {bits} bits, got {codes.shape}")
        if codes.dtype == np.uint8 and width % 8:
            codes = np.pad(codes, ((0, 0), (0, 8 - width % 8)))
        return native.query_codes(codes.tobytes(), asked)

    def select(self, where: str) -> NDArray[np.int64]:
        """The ids of the images that pass an expression such as ``"date >= 2024-06 and camera ~ pixel"``."""
        return self._native.select(where)

    @property
    def path(self) -> str:
        """The folder."""
        return os.fspath(self._native.path)

    @property
    def ids(self) -> NDArray[np.int64]:
        """The number of each image, ascending; they hold until the next change."""
        return self._native.ids()

    @property
    def names(self) -> list[str]:
        """The name of each image, in the order of the ids."""
        return [name_of(name) for name in self._native.names()]

    @property
    def labels(self) -> list[str | None]:
        """The label of each image, in the order of the ids."""
        return self._native.labels()

    def codes(self) -> NDArray[np.uint64]:
        """The codes u64 [N, B / 64], in the order of the ids."""
        return self._native.codes()

    def latents(self) -> Latents:
        """The latents of all images, in the order of the ids, without a copy where they lie in one piece in the
        index's files: always after a call that added all images at once. After several calls, or a removal, they may
        lie in several pieces, and are copied. Read-only; the arrays keep what they show.
        """
        return Latents(*self._native.latents())

    @property
    def info(self) -> dict[str, Any]:
        """What the index holds: images, bits, model, ..."""
        return self._native.info()

    def __len__(self) -> int:
        return len(self._native)

    def __repr__(self) -> str:
        info = self.info
        if not info:
            return f"Index({self.path!r}, empty)"
        return f"Index({self.path!r}, {info['images']:,} images, {info['bits']} bits, model {info['model']})"

    def _repr_html_(self) -> str:
        native = self._native.pinned()
        ids = native.ids()
        encoded = native.names([int(id) for id in ids[:: max(1, len(ids) // 12)][:12]])
        names = [name_of(name) for name in encoded]
        cells = (
            _display.cell(picture, os.path.basename(name), name)
            for picture, name in zip(pictures_of(native, names), names, strict=True)
        )
        facts = native.info().items()
        shown = ((name, f"{value:,}" if isinstance(value, int) else str(value)) for name, value in facts)
        return _display.row(cells, repr(self), len(ids) - len(names)) + _display.facts(shown)


def _unpickled(path: str, settings: dict[str, Any]) -> Index:
    """The index of another process, which may be one that is still to be made."""
    return Index._at(path, settings, is_there=None)


def _check_lengths(n: int, **columns: Iterable[Any] | None) -> None:
    for name, values in columns.items():
        if isinstance(values, Sized) and len(values) != n:
            raise InvalidError(f"{name}: expected one for each image, got {len(values):,} for {n:,}")


def _named(
    images: Iterator[Any], names: Iterable[str] | None, labels: Iterable[str | None] | None
) -> Iterator[tuple[NativeImage, str | None]]:
    # an image with an empty name is numbered by the library, which knows all names once it has the lock
    name_of_each = iter(repeat("") if names is None else names)
    label_of_each = iter(repeat(None) if labels is None else labels)
    for at, image in enumerate(images):
        name, label = next(name_of_each, None), next(label_of_each, _NONE_LEFT)
        if name is None or label is _NONE_LEFT:
            raise InvalidError(f"{'names' if name is None else 'labels'}: expected one for each image, got fewer")
        if names is not None and not str(name):
            raise InvalidError(f"names: expected one for each image, got an empty one for image {at}")
        if _images.is_path(image):
            image = Path(image).read_bytes()
        about = str(name) or f"image {at}"
        yield _images.native(image, about, str(name)), None if label is None else str(label)
    if names is not None and next(name_of_each, None) is not None:
        raise InvalidError("names: expected one for each image, got more")
    if labels is not None and next(label_of_each, _NONE_LEFT) is not _NONE_LEFT:
        raise InvalidError("labels: expected one for each image, got more")


def _answers(
    index: _native.Index, queries: Iterator[Any], asked: dict[str, Any], listener: _progress.Listener
) -> Iterator[QueryResult]:
    number = 0
    while some := list(islice(queries, _TOGETHER)):
        given = [_images.native(image, f"query {at}") for at, image in enumerate(some, number)]
        number += len(some)
        for (name, *_), hits in zip(given, index.query(given, asked, listener), strict=True):
            yield _result(index, name_of(name), hits)


def _result(index: _native.Index, query: str, hits: NativeHits | str) -> QueryResult:
    if isinstance(hits, str):
        no: NDArray[Any] = np.empty(0)
        return QueryResult(query, no.astype(np.int64), [], [], no.astype(np.int32), no.astype(np.float32), [], hits)
    ids, names, labels, distances, similarities, near = hits
    names_ = [name_of(name) for name in names]
    return QueryResult(query, ids, names_, labels, distances, similarities, near, None, index)


def _asked(k: int, where: str | None, exact: bool, recall: float, radius: int | None) -> dict[str, Any]:
    asked = {"k": k, "where": where, "exact": exact, "recall": recall, "radius": radius}
    asked = checked(asked, none=("where", "radius"))
    return asked | {"rerank": 0, "without_self": False, "only_near": False}


def _reported(report: dict[str, Any], listener: _progress.Listener) -> AddReport:
    listener.warn_of_skipped(stacklevel=4)
    skipped = [Skipped(name, reason) for name, reason in report.pop("skipped")]
    return AddReport(**report, skipped=skipped)
