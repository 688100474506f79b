"""What can go wrong, one class for each kind of error; all are subclasses of :class:`Error`.

An image that cannot be used is no error: results list it in ``skipped``, and one :class:`SkippedWarning` says how many
there are.
"""

from __future__ import annotations

from errno import ENOENT

__all__ = [
    "AesearchWarning",
    "DamagedError",
    "Error",
    "FileError",
    "InvalidError",
    "LockedError",
    "MismatchError",
    "MissingFileError",
    "NotFoundError",
    "RuntimeUnavailableError",
    "SkippedWarning",
    "StoppedError",
    "TooLargeError",
    "TrainingError",
    "UnsupportedError",
    "VersionError",
]


class Error(Exception):
    """What went wrong. ``hint`` says what to do about it, where there is something to say."""

    hint: str | None

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class InvalidError(Error, ValueError):
    """An argument, or an input as it stands, cannot be used."""


class NotFoundError(Error, LookupError):
    """Something that was named is not there."""


class UnsupportedError(Error):
    """A format, an operation or a device that aesearch cannot deal with."""


class TooLargeError(Error):
    """More than a limit allows."""


class DamagedError(Error):
    """A file is not what its format says."""


class VersionError(Error):
    """A file was written by a newer or an older aesearch, in a format that this one does not read."""


class MismatchError(Error):
    """Things that belong together do not match, such as an index and a model."""


class LockedError(Error):
    """Another process, or another thread, is writing the index."""


class FileError(Error, OSError):
    """The system refused to read or write a file."""

    def __init__(
        self, message: str, hint: str | None = None, *, errno: int | None = None, filename: object = None
    ) -> None:
        super().__init__(message, hint)
        self.errno = errno
        self.filename = filename


class MissingFileError(NotFoundError, FileError, FileNotFoundError):
    """There is no such file or folder."""

    def __init__(
        self, message: str, hint: str | None = None, *, errno: int | None = ENOENT, filename: object = None
    ) -> None:
        super().__init__(message, hint, errno=errno, filename=filename)


class RuntimeUnavailableError(Error):
    """ONNX Runtime was not found or rejected a model. ``pip install aesearch[runtime]`` brings it."""


class TrainingError(Error):
    """Training cannot go on."""


class StoppedError(Error):
    """A callback asked to stop; what was finished is kept."""


class AesearchWarning(UserWarning):
    """Something is odd, though the work goes on."""


class SkippedWarning(AesearchWarning):
    """Images that could not be used were left out."""
