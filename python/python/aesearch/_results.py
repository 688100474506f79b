"""The results of calls."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from aesearch import _display

if TYPE_CHECKING:
    from aesearch import _native

#: Pictures of a result that are shown in a notebook.
_SHOWN = 24


@dataclass(frozen=True)
class Hit:
    """An image of the index that is similar to a query."""

    #: Its name: a path, ``container#entry``, or the name of an image from memory.
    name: str
    #: Its label, where one is known.
    label: str | None
    #: Bits in which the two codes differ.
    distance: int
    #: -1 to 1: the cosine of the two latents.
    similarity: float
    #: Whether it is nearer than images that have nothing in common; ``None`` where that is not known.
    near: bool | None
    #: Its number in the index, until the next change.
    id: int


@dataclass(frozen=True, eq=False)
class QueryResult(Sequence[Hit]):
    """The images most similar to one image, the best first; a sequence of :class:`Hit`."""

    #: What was asked: a path, or a name for an image from memory.
    query: str
    #: i64 [k]
    ids: NDArray[np.int64]
    names: list[str]
    labels: list[str | None]
    #: Differing bits, i32 [k].
    distances: NDArray[np.int32]
    #: Cosines of latents, f32 [k].
    similarities: NDArray[np.float32]
    near: list[bool | None]
    #: Why the image cannot be used; there are no hits then.
    skipped: str | None = None
    _index: _native.Index | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, at: int) -> Hit: ...

    @overload
    def __getitem__(self, at: slice) -> QueryResult: ...

    def __getitem__(self, at: int | slice) -> Hit | QueryResult:
        if isinstance(at, slice):
            columns = ("ids", "names", "labels", "distances", "similarities", "near")
            return replace(self, **{name: getattr(self, name)[at] for name in columns})
        return Hit(
            self.names[at],
            self.labels[at],
            int(self.distances[at]),
            float(self.similarities[at]),
            self.near[at],
            int(self.ids[at]),
        )

    def __iter__(self) -> Iterator[Hit]:
        return (self[at] for at in range(len(self)))

    def to_dict(self) -> dict[str, Any]:
        """Columns, for ``pandas.DataFrame(result.to_dict())``."""
        return {
            "name": self.names,
            "label": self.labels,
            "distance": self.distances,
            "similarity": self.similarities,
            "near": self.near,
            "id": self.ids,
        }

    def __repr__(self) -> str:
        if self.skipped is not None:
            return f"QueryResult({self.query!r}, skipped: {self.skipped})"
        lines = [
            f"  {hit.similarity:7.4f} {hit.distance:3} bits  {hit.name}"
            + (f"  [{hit.label}]" if hit.label is not None else "")
            for hit in self
        ]
        return "\n".join([f"QueryResult({self.query!r}, {len(self)} hits)", *lines])

    def _repr_html_(self) -> str:
        if self.skipped is not None:
            return _display.row([], f"{self.query}: {self.skipped}")
        pictures = pictures_of(self._index, self.names[:_SHOWN])
        cells = (
            _display.cell(picture, f"{hit.similarity:.3f} {PurePath(hit.name).name}", _about(hit))
            for picture, hit in zip(pictures, self, strict=False)
        )
        return _display.row(cells, f"similar to {self.query}", len(self) - len(pictures))


def _about(hit: Hit) -> str:
    label = "" if hit.label is None else f", label {hit.label}"
    return f"{hit.name}{label}, {hit.distance} bits, similarity {hit.similarity:.4f}"


class Latents(NamedTuple):
    """The latents of an index, as it keeps them: ``values[i] * scales[i]`` is that of image ``i``."""

    #: i8 [N, D]
    values: NDArray[np.int8]
    #: f32 [N]
    scales: NDArray[np.float32]

    def floats(self) -> NDArray[np.float32]:
        """f32 [N, D], a copy."""
        return self.values * self.scales[:, np.newaxis]


@dataclass(frozen=True)
class Damage:
    """What is wrong with a file of an index; see :meth:`Index.verify`."""

    path: str
    #: The section of the file.
    section: str
    #: Where in the file, in bytes from its start.
    offset: int
    #: What was expected, and what was found.
    detail: str


@dataclass(frozen=True)
class Skipped:
    """An input that was left out, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class AddReport:
    """What a call of :meth:`Index.add` did."""

    #: Images that are new in the index.
    added: int
    #: Images whose content is another now.
    changed: int
    #: Images of the index that are as they were.
    unchanged: int
    #: Images that were taken out, as their files are gone.
    removed: int
    #: Images that have another name now.
    renamed: int
    #: Images in the index now.
    images: int
    model: str
    bits: int
    seconds: float
    #: What could not be used.
    skipped: list[Skipped] = field(default_factory=list)


def pictures_of(index: _native.Index | None, names: Sequence[str]) -> list[bytes | None]:
    """Small pictures of images of an index, where there are some."""
    if index is None or not names:
        return [None] * len(names)
    return index.thumbnails([os.fsencode(name) for name in names], _display.PIXELS)


def name_of(name: bytes) -> str:
    """A name as text; bytes that are not UTF-8 come back by ``os.fsencode``."""
    return os.fsdecode(name)
