"""A collection as a whole: clusters, a map, outliers, a page, how good the codes are, tables for other programs."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path, PurePath
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aesearch import _display, _native, _progress
from aesearch._images import PathLike
from aesearch._native import Table
from aesearch._options import checked, listed
from aesearch._progress import Progress
from aesearch._results import Skipped, name_of, pictures_of

ClusterMethod: TypeAlias = Literal["auto", "k-majority", "k-means", "k-medoids", "hdbscan"]
MapMethod: TypeAlias = Literal["tsne", "pca"]

#: Clusters, and pictures of one cluster, that a notebook shows.
_CLUSTERS, _PICTURES = 12, 9


@dataclass(frozen=True, eq=False)
class _Rows:
    """Images in the order of their names."""

    #: i64 [N]: the number of each image in the index.
    ids: NDArray[np.int64]
    names: list[str]
    labels: list[str | None]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, eq=False)
class Cluster:
    """Images that are alike."""

    #: The file name of its medoid.
    name: str
    #: Rows of its images, those nearest to the medoid first.
    members: NDArray[np.int64]
    #: The largest distance between two images, estimated; in the unit of :attr:`Clusters.distances`.
    diameter: float
    #: -1 to 1: how much nearer its images are to each other than to the next cluster.
    silhouette: float
    #: The most frequent label, and the share of the labelled images that have it.
    label: str | None
    purity: float | None

    @property
    def medoid(self) -> int:
        """The row of the image with the least sum of distances to the others."""
        return int(self.members[0])

    def __len__(self) -> int:
        return len(self.members)

    def __repr__(self) -> str:
        label = "" if self.label is None else f", label {self.label} {self.purity:.2f}"
        return f"Cluster({self.name!r}, {len(self):,} images, silhouette {self.silhouette:.3f}{label})"


@dataclass(frozen=True, eq=False)
class Clusters(_Rows):
    """Clusters of a collection, the largest first; images are in the order of their names."""

    #: The cluster of each image, i32 [N]; -1 for those in none.
    assignment: NDArray[np.int32]
    #: From the medoid of its cluster, f32 [N]: differing bits by ``k-majority``, else 1 minus a cosine; NaN for none.
    distances: NDArray[np.float32]
    #: -1 to 1, f32 [N]; NaN for none.
    silhouettes: NDArray[np.float32]
    #: How they were found.
    method: str
    #: The mean silhouette; 0 if there is only one cluster.
    silhouette: float
    #: Numbers of clusters that were tried, and their silhouettes.
    tried: list[tuple[int, float]]
    #: Purity, nmi, ari and accuracy, 0 to 1, where there are labels.
    agreement: dict[str, float] | None
    clusters: list[Cluster]
    _index: _native.Index | None = field(default=None, repr=False)

    @property
    def k(self) -> int:
        """How many there are."""
        return len(self.clusters)

    def __getitem__(self, at: int) -> Cluster:
        return self.clusters[at]

    def __iter__(self) -> Iterator[Cluster]:
        return iter(self.clusters)

    def to_dict(self) -> dict[str, Any]:
        """Columns, a row for each image, for ``pandas.DataFrame(clusters.to_dict())``."""
        return {
            "name": self.names,
            "label": self.labels,
            "cluster": self.assignment,
            "distance": self.distances,
            "silhouette": self.silhouettes,
        }

    def to_arrow(self) -> Table:
        """The same columns for ``pyarrow.table(...)``, ``polars.DataFrame(...)`` or DuckDB."""
        return _table(self.to_dict(), {"cluster": "integer", "distance": "number", "silhouette": "number"})

    def __repr__(self) -> str:
        head = f"Clusters({len(self):,} images in {self.k} by {self.method}, silhouette {self.silhouette:.3f})"
        more = _display.more_lines(self.k - 20, indent=2)
        return "\n".join([head, *(f"  {cluster!r}" for cluster in self.clusters[:20]), *more])

    def _repr_html_(self) -> str:
        shown = [cluster.members[:_PICTURES].tolist() for cluster in self.clusters[:_CLUSTERS]]
        pictures = iter(pictures_of(self._index, [self.names[row] for rows in shown for row in rows]))
        parts = []
        for at, (cluster, rows) in enumerate(zip(self.clusters, shown, strict=False)):
            cells = [_display.cell(next(pictures), PurePath(self.names[row]).name, self._about(row)) for row in rows]
            label = "" if cluster.label is None else f", mostly {cluster.label} ({100 * (cluster.purity or 0):.0f} %)"
            parts.append(_display.row(cells, f"cluster {at}: {len(cluster):,} images{label}"))
        tail = _display.and_more(self.k - len(shown), "cluster")
        head = f"{len(self):,} images in {self.k} clusters by {self.method}, silhouette {self.silhouette:.3f}"
        return _display.row([], head) + "".join(parts) + tail

    def _about(self, row: int) -> str:
        label = "" if self.labels[row] is None else f", label {self.labels[row]}"
        return f"{self.names[row]}{label}"


@dataclass(frozen=True, eq=False)
class Map(_Rows):
    """All images in the plane: what is alike lies near each other. Images are in the order of their names."""

    #: Across and up, f32 [N, 2].
    points: NDArray[np.float32]
    #: The group of each image by which it is coloured, i32 [N]; -1 for none.
    groups: NDArray[np.int32]
    group_names: list[str]
    #: What groups are: ``label``, ``cluster`` or ``none``.
    coloured_by: str
    method: str
    _write: Any = field(default=None, repr=False)

    def save(self, path: PathLike) -> str:
        """Writes a picture (.png, .svg) or a table (.csv, .json, .jsonl, .npz, .parquet); returns its path."""
        self._write(os.fspath(path))
        return os.fspath(path)

    def picture(self) -> bytes:
        """The map as a PNG picture, with thumbnails where there is room."""
        with tempfile.TemporaryDirectory() as folder:
            return Path(self.save(os.path.join(folder, "map.png"))).read_bytes()

    def to_dict(self) -> dict[str, Any]:
        """Columns, a row for each image, for ``pandas.DataFrame(map.to_dict())``."""
        names = [self.group_names[at] if at >= 0 else None for at in self.groups]
        columns = {"name": self.names, "label": self.labels, "group": names}
        return columns | {"x": self.points[:, 0], "y": self.points[:, 1]}

    def to_arrow(self) -> Table:
        """The same columns for ``pyarrow.table(...)``, ``polars.DataFrame(...)`` or DuckDB."""
        return _table(self.to_dict(), {"x": "number", "y": "number"})

    def __repr__(self) -> str:
        return f"Map({len(self):,} images by {self.method}, coloured by {self.coloured_by})"

    def _repr_html_(self) -> str:
        return _display.picture(self.picture(), repr(self), 760)


@dataclass(frozen=True)
class Doubt:
    """A label that the neighbours of an image contradict."""

    name: str
    label: str | None
    #: What most of the nearest images are called.
    suggested: str
    #: The share of the nearest images with that label, and with its own; 0 to 1.
    share: float
    own_share: float
    #: Its row.
    row: int


@dataclass(frozen=True, eq=False)
class Outliers(_Rows):
    """How little each image fits the collection; images are in the order of their names."""

    #: 0 to 1, f32 [N]: the larger of the two ranks.
    scores: NDArray[np.float32]
    #: The share of images that are reconstructed better, f32 [N]; NaN where that is not known.
    reconstruction_ranks: NDArray[np.float32]
    #: The share of images with nearer neighbours, f32 [N].
    neighbour_ranks: NDArray[np.float32]
    #: From the n-th nearest neighbour, f32 [N]: 1 minus a cosine, or differing bits.
    distances: NDArray[np.float32]
    #: Faults of each image, such as ``near-constant``, ``dark`` or ``blurred``.
    flags: list[list[str]]
    #: Doubtful labels, the most doubtful first.
    doubts: list[Doubt]
    #: Images that could not be read.
    skipped: list[Skipped]
    _index: _native.Index | None = field(default=None, repr=False)

    @property
    def order(self) -> NDArray[np.int64]:
        """Rows by descending score, i64 [N]."""
        return np.argsort(-self.scores, kind="stable").astype(np.int64)

    @property
    def flagged(self) -> list[int]:
        """Rows of images with a fault."""
        return [row for row, flags in enumerate(self.flags) if flags]

    def to_dict(self) -> dict[str, Any]:
        """Columns, a row for each image, for ``pandas.DataFrame(outliers.to_dict())``."""
        return {
            "name": self.names,
            "label": self.labels,
            "score": self.scores,
            "reconstruction_rank": self.reconstruction_ranks,
            "neighbour_rank": self.neighbour_ranks,
            "distance": self.distances,
            "flags": [" ".join(flags) for flags in self.flags],
        }

    def to_arrow(self) -> Table:
        """The same columns for ``pyarrow.table(...)``, ``polars.DataFrame(...)`` or DuckDB."""
        numbers = ("score", "reconstruction_rank", "neighbour_rank", "distance")
        return _table(self.to_dict(), dict.fromkeys(numbers, "number"))

    def __repr__(self) -> str:
        head = f"{len(self):,} images, {len(self.flagged):,} with a fault, {len(self.doubts):,} doubtful labels"
        rows = [f"  {self.scores[row]:.3f}  {self.names[row]}" for row in self.order[:10]]
        return "\n".join([f"Outliers({head})", *rows])

    def _repr_html_(self) -> str:
        rows = [int(row) for row in self.order[:18]]
        doubts = self.doubts[:9]
        shown = rows + [doubt.row for doubt in doubts]
        pictures = pictures_of(self._index, [self.names[row] for row in shown])
        cells = [
            _display.cell(picture, f"{self.scores[row]:.3f} {' '.join(self.flags[row])}", self.names[row])
            for picture, row in zip(pictures, rows, strict=False)
        ]
        html = _display.row(cells, "the most unusual images", len(self) - len(rows))
        cells = [
            _display.cell(picture, f"{doubt.label}, or {doubt.suggested}?", doubt.name)
            for picture, doubt in zip(pictures[len(rows) :], doubts, strict=True)
        ]
        return html + (_display.row(cells, "doubtful labels", len(self.doubts) - len(doubts)) if cells else "")


@dataclass(frozen=True)
class ReportPage:
    """A page that was written."""

    path: str
    #: Its size.
    bytes: int
    clusters: int
    #: Images with a fault.
    flagged: int
    #: Labels that the neighbours contradict.
    label_errors: int
    #: Groups of duplicates, and duplicates besides the one of each group that is kept; ``None`` if not looked for.
    groups: int | None
    duplicates: int | None
    skipped: list[Skipped]

    def _repr_html_(self) -> str:
        link = f'<a href="{escape(self.path)}" target="_blank">{escape(self.path)}</a>'
        return f"<div>{link}: {self.bytes:,} bytes, {self.clusters} clusters</div>"


@dataclass(frozen=True)
class Exported:
    """Files that were written for another program."""

    path: str
    columns: list[str]
    #: Names and sizes in bytes.
    files: dict[str, int]
    skipped: list[Skipped]


@dataclass(frozen=True)
class Evaluation:
    """How good the codes are; what needs labels, or images, is ``None`` where there are none.

    Metrics are means over the queries, 0 to 1.
    """

    images: int
    queries: int
    bits: int
    #: Mean average precision over all images, and over the nearest 1,000.
    map: float | None
    map_1000: float | None
    #: Of the nearest 10, the nearest 100, and of all within two bits.
    precision_10: float | None
    precision_100: float | None
    precision_radius_2: float | None
    #: How often the nearest 10 vote for the right label, by codes, and as :meth:`Index.query` ranks them.
    knn10_accuracy: float | None
    reranked_knn10_accuracy: float | None
    #: The share of the 10 nearest codes that approximate search finds.
    recall_10: float
    #: Recalls that were asked for and measured.
    recall_promises: list[dict[str, Any]]
    #: The share of the 10 nearest latents among the nearest 10, 100 and 1,000 codes.
    recall_10_at: dict[str, float] | None
    #: What exact search by float latents, raw pixels and PCA with ITQ achieves.
    baselines: dict[str, Any]
    #: Distinct codes, dead and effective bits, and what a changed view of an image does.
    without_labels: dict[str, Any]
    skipped: list[Skipped] = field(default_factory=list)

    def _repr_html_(self) -> str:
        names = [name for name in self.__dataclass_fields__ if name not in ("skipped",)]
        values = ((name, getattr(self, name)) for name in names)
        plain = ((name, value) for name, value in values if isinstance(value, int | float))
        return _display.facts((name, f"{v:,}" if isinstance(v, int) else f"{v:.4f}") for name, v in plain)


class Explorer:
    """What an index tells of its images as a whole; :class:`aesearch.Index` is one."""

    _native: _native.Index

    def cluster(
        self,
        k: int | Literal["auto"] = "auto",
        *,
        method: ClusterMethod = "auto",
        max_k: int = 30,
        min_size: int | None = None,
        seed: int = 0,
        where: str | None = None,
        labels: str = "auto",
        progress: Progress = None,
    ) -> Clusters:
        """Groups of similar images.

        ``k`` is their number, or ``auto``: what separates them best, at most ``max_k``. ``method="hdbscan"`` finds
        dense regions of at least ``min_size`` images and leaves the rest in none.
        """
        with _progress.Listener(progress) as listener:
            shown = self._native.pinned()
            found = _native.cluster_index(
                shown, _among(where, labels), _grouping(k, method, max_k, min_size, seed), listener
            )
        clusters = [
            Cluster(name, np.asarray(members, np.int64), diameter, silhouette, label, purity)
            for name, members, diameter, silhouette, label, purity in found.pop("clusters")
        ]
        agreement = found.pop("agreement")
        return Clusters(
            **_rows(found),
            agreement=None if agreement is None else dict(agreement),
            clusters=clusters,
            _index=shown,
        )

    def map(
        self,
        *,
        method: MapMethod = "tsne",
        perplexity: float = 30.0,
        colour_by: Literal["label", "cluster", "none"] | None = None,
        k: int | Literal["auto"] = "auto",
        seed: int = 0,
        where: str | None = None,
        labels: str = "auto",
        progress: Progress = None,
    ) -> Map:
        """All images in the plane, by t-SNE, which is kept beside the index, or by principal components.

        Colours are labels where there are some, else clusters, of which ``k`` is the number.
        """
        among, grouping = _among(where, labels), _grouping(k, "auto", 30, None, seed)
        drawing = {"method": method, "perplexity": perplexity, "colour_by": colour_by}
        drawing = checked(drawing, none=("colour_by",))

        def made(files: Sequence[str], progress: Progress) -> dict[str, Any]:
            with _progress.Listener(progress) as listener:
                return _native.map_index(self._native, among, grouping, drawing | {"files": files}, listener)

        return Map(**_rows(made([], progress)), _write=lambda path: made([path], False))

    def outliers(
        self,
        *,
        neighbours: int = 10,
        read: bool = True,
        where: str | None = None,
        labels: str = "auto",
        progress: Progress = None,
    ) -> Outliers:
        """Unusual images, faults, and labels that the neighbours contradict.

        Images are read again and reconstructed, unless ``read`` is false; those from memory cannot be. The distance to
        its ``neighbours``-th nearest image says how isolated an image is.
        """
        asked = checked({"neighbours": neighbours, "read": read})
        with _progress.Listener(progress) as listener:
            shown = self._native.pinned()
            found = _native.outliers_index(shown, _among(where, labels), asked["neighbours"], asked["read"], listener)
        listener.warn_of_skipped()
        rows = _rows(found)
        names, own = rows["names"], rows["labels"]
        doubts = [
            Doubt(names[row], own[row], suggested, share, own_share, row)
            for row, suggested, share, own_share in rows.pop("doubts")
        ]
        return Outliers(**rows, doubts=doubts, _index=shown)

    def report(
        self,
        path: PathLike = "report.html",
        *,
        map: MapMethod = "tsne",
        k: int | Literal["auto"] = "auto",
        seed: int = 0,
        neighbours: int = 10,
        read: bool = True,
        duplicates: bool = True,
        where: str | None = None,
        labels: str = "auto",
        progress: Progress = None,
    ) -> ReportPage:
        """Writes everything about the collection as one page that needs no network."""
        grouping = _grouping(k, "auto", 30, None, seed)
        page = checked({"map": map, "neighbours": neighbours, "read": read, "duplicates": duplicates})
        page["path"] = os.fspath(path)
        with _progress.Listener(progress) as listener:
            done = _native.report_index(self._native, _among(where, labels), grouping, page, listener)
        listener.warn_of_skipped()
        return ReportPage(os.fspath(path), **_skips(done))

    def evaluate(
        self,
        queries: PathLike | Iterable[PathLike] = (),
        *,
        max_queries: int = 10_000,
        pixels: bool = True,
        labels: str = "auto",
        progress: Progress = None,
    ) -> Evaluation:
        """How good the codes are: with labels, by them, and without, by what search finds.

        Queries are the images of ``queries``, or else those of the index. With ``pixels``, images are read again, to
        compare with what raw pixels achieve.
        """
        asked = checked({"max_queries": max_queries, "pixels": pixels, "labels": labels})
        paths = listed("queries", queries)
        with _progress.Listener(progress) as listener:
            found, skipped = _native.evaluate_index(
                self._native, paths, asked["max_queries"], asked["pixels"], asked["labels"], listener
            )
        return Evaluation(**json.loads(found), skipped=[Skipped(*one) for one in skipped])

    def export(
        self,
        path: PathLike,
        *,
        to: Literal["table", "embedding-atlas", "tensorboard", "faiss"] = "table",
        parts: str | Iterable[str] | None = None,
        map: MapMethod = "tsne",
        k: int | Literal["auto"] = "auto",
        seed: int = 0,
        read: bool = True,
        where: str | None = None,
        labels: str = "auto",
        progress: Progress = None,
    ) -> Exported:
        """Writes what is known about each image for other programs, as ``aesearch export`` does.

        A table's format is that of its name: .csv, .json, .jsonl, .npz, .npy, .parquet. ``parts`` are groups of
        columns, such as ``["cluster", "map"]``, or ``all``.
        """
        grouping = _grouping(k, "auto", 30, None, seed)
        wanted = checked({"to": to, "parts": parts, "map": map, "read": read}, none=("parts",))
        wanted["path"] = os.fspath(path)
        with _progress.Listener(progress) as listener:
            columns, files, skipped = _native.export_index(
                self._native, _among(where, labels), grouping, wanted, listener
            )
        listener.warn_of_skipped()
        return Exported(os.fspath(path), columns, dict(files), [Skipped(*one) for one in skipped])

    def to_arrow(
        self,
        *,
        metadata: bool = True,
        codes: bool = True,
        latents: bool = True,
        where: str | None = None,
        labels: str = "auto",
    ) -> Table:
        """The images as a table for ``pyarrow.table(...)``, ``polars.DataFrame(...)`` or DuckDB.

        Columns are ``name``, ``label``, what files know (``date``, ``camera``, ``width``, ...), ``code`` (bytes,
        B / 8 each) and ``latent`` (float32, D each, scaled to length 1); rows are in the order of names.
        """
        parts = checked({"metadata": metadata, "codes": codes, "latents": latents})
        return _native.table_of_index(
            self._native, _among(where, labels), parts["metadata"], parts["codes"], parts["latents"], None
        )

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)


def _among(where: str | None, labels: PathLike) -> dict[str, Any]:
    return checked({"where": where, "labels": labels}, none=("where",))


def _grouping(
    k: int | Literal["auto"], method: str, max_k: int, min_size: int | None, seed: int
) -> dict[str, Any]:
    number = None if isinstance(k, str) and k == "auto" else k
    grouping = {"method": method, "k": number, "max_k": max_k, "min_size": min_size, "seed": seed}
    return checked(grouping, none=("k", "min_size"))


def _rows(found: dict[str, Any]) -> dict[str, Any]:
    return _skips(found) | {"names": [name_of(name) for name in found["names"]]}


def _skips(found: dict[str, Any]) -> dict[str, Any]:
    if "skipped" not in found:
        return found
    return found | {"skipped": [Skipped(*one) for one in found["skipped"]]}


def _table(columns: dict[str, Any], kinds: dict[str, str]) -> Table:
    values = {name: np.asarray(column).tolist() if name in kinds else column for name, column in columns.items()}
    return Table([(name, kinds.get(name, "text"), column) for name, column in values.items()])
