"""What is written in Rust; :mod:`aesearch` is the interface for people."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from aesearch._types import Listening, NativeHits, NativeImage

__all__ = [
    "Decoder",
    "Encoder",
    "Index",
    "Memory",
    "Plan",
    "Table",
    "__version__",
    "apply_plan",
    "check_images",
    "cluster_index",
    "command_line",
    "decide_images",
    "default_index",
    "evaluate_index",
    "export_index",
    "fingerprint_similarities",
    "map_index",
    "outliers_index",
    "report_index",
    "table_of_index",
    "train",
    "undo_plan",
    "write_digits",
]

__version__: str

def command_line(args: Sequence[str]) -> int: ...
@final
class Memory:
    @property
    def __array_interface__(self) -> dict[str, Any]: ...

@final
class Encoder:
    def __new__(
        cls, model: str, binarizer: bytes | str | PathLike[str] | None, inverted: bool | None, threads: int
    ) -> Encoder: ...
    @property
    def facts_bytes(self) -> bytes | None: ...
    @property
    def model_sha256(self) -> str: ...
    @property
    def inverted(self) -> bool: ...
    @property
    def name(self) -> str: ...
    @property
    def bits(self) -> int: ...
    @property
    def latent_size(self) -> int: ...
    @property
    def input_shape(self) -> tuple[int, int, int]: ...
    def encode(self, images: Iterable[NativeImage], listener: Listening | None) -> NDArray[np.float32]: ...
    def table(self, images: Iterable[NativeImage], fingerprints: bool, listener: Listening | None) -> Table: ...
    def codes(self, latents: bytes) -> NDArray[np.uint64]: ...

@final
class Index:
    @staticmethod
    def open(path: str | PathLike[str], model: str, threads: int) -> Index: ...
    @staticmethod
    def create(path: str | PathLike[str], settings: Mapping[str, Any]) -> Index: ...
    @property
    def path(self) -> Path: ...
    def __len__(self) -> int: ...
    def reload(self) -> None: ...
    def add_paths(
        self, paths: Sequence[str | PathLike[str]], exclude: Sequence[str], listener: Listening | None
    ) -> dict[str, Any]: ...
    def add_images(
        self, pairs: Iterator[tuple[NativeImage, str | None]], expected: int, listener: Listening | None
    ) -> dict[str, Any]: ...
    def next_number(self) -> int: ...
    def remove(self, paths: Sequence[str | PathLike[str]]) -> tuple[int, int, list[str]]: ...
    def select(self, expression: str) -> NDArray[np.int64]: ...
    def query(
        self, images: Iterable[NativeImage], asked: Mapping[str, Any], listener: Listening | None
    ) -> list[NativeHits | str]: ...
    def query_codes(self, codes: bytes, asked: Mapping[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.int32]]: ...
    def ids(self) -> NDArray[np.int64]: ...
    def names(self, ids: Sequence[int] | None = None) -> list[bytes]: ...
    def labels(self, ids: Sequence[int] | None = None) -> list[str | None]: ...
    def codes(self) -> NDArray[np.uint64]: ...
    def latents(self) -> tuple[NDArray[np.int8], NDArray[np.float32]]: ...
    def info(self) -> dict[str, Any]: ...
    def thumbnails(self, ids: Sequence[int], side: int) -> list[bytes | None]: ...

_Skips: TypeAlias = list[tuple[str, str]]

@final
class Plan:
    @staticmethod
    def scan(
        dir: str | PathLike[str],
        data: Sequence[str | PathLike[str]],
        wanted: Mapping[str, Any],
        listener: Listening | None,
    ) -> Plan: ...
    @staticmethod
    def from_json(text: str, path: str | PathLike[str], dir: str | PathLike[str]) -> Plan: ...
    def to_json(self) -> str: ...
    @property
    def dir(self) -> Path: ...
    def write(
        self,
        *,
        plan: str | PathLike[str] | None = None,
        report: str | PathLike[str] | None = None,
        sheet: str | PathLike[str] | None = None,
    ) -> None: ...
    def thumbnails(self, names: Sequence[str], side: int) -> list[bytes | None]: ...

def write_digits(folder: str | PathLike[str], seed: int, per_digit: int) -> list[Path]: ...
def default_index() -> Path: ...
def apply_plan(
    plan: str | PathLike[str],
    action: str,
    *,
    dry_run: bool,
    kinds: Sequence[str] | None,
    select: str | None,
    to: str | PathLike[str] | None,
    sidecars: bool | None,
    merge_metadata: bool,
    listener: Listening | None,
) -> dict[str, Any]: ...
def undo_plan(journal: str | PathLike[str], dry_run: bool, listener: Listening | None) -> dict[str, Any]: ...
def decide_images(
    dir: str | PathLike[str],
    verdict: str | None,
    images: Sequence[str | PathLike[str]],
    read: str | PathLike[str] | None,
    write: str | PathLike[str] | None,
) -> tuple[int, int, int, int, int, str]: ...
def check_images(
    images: Iterable[NativeImage],
    paths: Sequence[str | PathLike[str]],
    dir: str | PathLike[str],
    threshold: float | None,
    listener: Listening | None,
) -> tuple[float, list[tuple[str, tuple[str, str, float] | None]], _Skips]: ...
def cluster_index(
    index: Index, among: Mapping[str, Any], grouping: Mapping[str, Any], listener: Listening | None
) -> dict[str, Any]: ...
def map_index(
    index: Index,
    among: Mapping[str, Any],
    method: str,
    perplexity: float,
    colour_by: str | None,
    grouping: Mapping[str, Any],
    files: Sequence[str | PathLike[str]],
    listener: Listening | None,
) -> dict[str, Any]: ...
def outliers_index(
    index: Index, among: Mapping[str, Any], neighbours: int, reading: bool, listener: Listening | None
) -> dict[str, Any]: ...
def report_index(
    index: Index,
    to: str | PathLike[str],
    among: Mapping[str, Any],
    map: str,
    grouping: Mapping[str, Any],
    neighbours: int,
    reading: bool,
    duplicates: bool,
    listener: Listening | None,
) -> dict[str, Any]: ...
def evaluate_index(
    index: Index,
    queries: Sequence[str | PathLike[str]],
    max_queries: int,
    pixels: bool,
    labels: str,
    listener: Listening | None,
) -> tuple[str, _Skips]: ...
def export_index(
    index: Index,
    path: str | PathLike[str],
    to: str,
    parts: Sequence[str] | None,
    among: Mapping[str, Any],
    map: str,
    grouping: Mapping[str, Any],
    reading: bool,
    listener: Listening | None,
) -> tuple[list[str], list[tuple[str, int]], _Skips]: ...
@final
class Table:
    def __new__(cls, columns: Sequence[tuple[str, str, Sequence[Any]]]) -> Table: ...
    def __len__(self) -> int: ...
    @property
    def column_names(self) -> list[str]: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]: ...
    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...

def fingerprint_similarities(
    first: Sequence[bytes | None], second: Sequence[bytes | None]
) -> NDArray[np.float32]: ...
def table_of_index(
    index: Index, among: Mapping[str, Any], metadata: bool, codes: bool, latents: bool, listener: Listening | None
) -> Table: ...
def train(wanted: Mapping[str, Any], listener: Listening | None) -> dict[str, Any]: ...
@final
class Decoder:
    def __new__(cls, model: str) -> Decoder: ...
    @property
    def latent_size(self) -> int: ...
    def decode(self, latents: bytes) -> NDArray[np.float32]: ...
