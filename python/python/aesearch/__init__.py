"""Similarity search for image collections.

>>> import aesearch
>>> index = aesearch.Index.create("photos.aesearch")  # doctest: +SKIP
>>> index.add("photos/")  # doctest: +SKIP
>>> index.query("cat.jpg", k=5)  # doctest: +SKIP
"""

from __future__ import annotations

from aesearch import dedupe, demo
from aesearch._encoder import Encoder
from aesearch._explore import Cluster, Clusters, Evaluation, Exported, Map, Outliers, ReportPage
from aesearch._images import ImageLike
from aesearch._index import Index
from aesearch._native import __version__
from aesearch._results import AddReport, Damage, Hit, Latents, QueryResult, Skipped
from aesearch._runtime import introduce
from aesearch._train import Epoch, TrainResult, train
from aesearch.errors import (
    AesearchWarning,
    DamagedError,
    Error,
    FileError,
    InvalidError,
    LockedError,
    MismatchError,
    MissingFileError,
    NotFoundError,
    RuntimeUnavailableError,
    SkippedWarning,
    StoppedError,
    TooLargeError,
    TrainingError,
    UnsupportedError,
    VersionError,
)

introduce()

__all__ = [
    "AddReport",
    "AesearchWarning",
    "Cluster",
    "Clusters",
    "Damage",
    "DamagedError",
    "Encoder",
    "Epoch",
    "Error",
    "Evaluation",
    "Exported",
    "FileError",
    "Hit",
    "ImageLike",
    "Index",
    "InvalidError",
    "Latents",
    "LockedError",
    "Map",
    "MismatchError",
    "MissingFileError",
    "NotFoundError",
    "Outliers",
    "QueryResult",
    "ReportPage",
    "RuntimeUnavailableError",
    "Skipped",
    "SkippedWarning",
    "StoppedError",
    "TooLargeError",
    "TrainResult",
    "TrainingError",
    "UnsupportedError",
    "VersionError",
    "__version__",
    "dedupe",
    "demo",
    "train",
]
