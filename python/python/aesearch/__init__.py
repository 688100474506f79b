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
from aesearch._index import Index
from aesearch._native import __version__
from aesearch._results import AddReport, Hit, Latents, QueryResult, Skipped
from aesearch._runtime import use_installed
from aesearch._train import Epoch, TrainResult, train
from aesearch.errors import (
    DamagedError,
    Error,
    FileError,
    InterruptedError,
    InvalidError,
    LockedError,
    MismatchError,
    NotFoundError,
    RuntimeUnavailableError,
    SkippedWarning,
    TooLargeError,
    TrainingError,
    UnsupportedError,
    VersionError,
    Warning,
)

use_installed()  # before any thread may ask for it

__all__ = [
    "AddReport",
    "Cluster",
    "Clusters",
    "DamagedError",
    "Encoder",
    "Epoch",
    "Error",
    "Evaluation",
    "Exported",
    "FileError",
    "Hit",
    "Index",
    "InterruptedError",
    "InvalidError",
    "Latents",
    "LockedError",
    "Map",
    "MismatchError",
    "NotFoundError",
    "Outliers",
    "QueryResult",
    "ReportPage",
    "RuntimeUnavailableError",
    "Skipped",
    "SkippedWarning",
    "TooLargeError",
    "TrainResult",
    "TrainingError",
    "UnsupportedError",
    "VersionError",
    "Warning",
    "__version__",
    "dedupe",
    "demo",
    "train",
]
