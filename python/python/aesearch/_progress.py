"""What long calls report to: a bar of tqdm, a function of the caller's, or nothing."""

from __future__ import annotations

import importlib
import logging
import sys
import warnings
from collections.abc import Callable
from typing import Any, TypeAlias

from aesearch.errors import AesearchWarning, SkippedWarning

Progress: TypeAlias = bool | Callable[[str, int, int], object] | None

_log = logging.getLogger("aesearch")


class Listener:
    """Hears of one call.

    ``progress`` is ``None`` (a bar where tqdm is installed and somebody looks at it), ``True`` (a bar), ``False``
    (nothing), or a function of (stage, done, total), called on the caller's thread; what it raises ends the call.
    """

    def __init__(self, progress: Progress = None) -> None:
        self._function = progress if callable(progress) else None
        self._make_bar = None if self._function or progress is False else _bars(bool(progress))
        self._bar: Any = None
        self._stage = ("", "images")
        self.n_skipped = 0
        self._first_skipped = ""

    def stage(self, name: str, unit: str) -> None:
        self._close()
        self._stage = (name, unit)

    def progress(self, done: int, total: int, loss: float | None) -> None:
        name, unit = self._stage
        if self._function:
            self._function(name, done, total)
        elif self._make_bar:
            if self._bar is None:
                self._bar = self._make_bar(desc=name or None, unit=f" {unit}", total=total)
            self._bar.total = total or None
            self._bar.update(done - self._bar.n)
            if loss is not None:
                self._bar.set_postfix(loss=f"{loss:.4f}", refresh=False)

    def note(self, text: str, hint: str | None, is_warning: bool) -> None:
        text = f"{text} ({hint})" if hint else text
        if is_warning:
            warnings.warn(text, AesearchWarning, stacklevel=3)
        else:
            _log.info(text)

    def skipped(self, name: str, reason: str) -> None:
        self.n_skipped += 1
        self._first_skipped = self._first_skipped or f"{name}: {reason}"
        _log.info("skipped %s: %s", name, reason)

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def warn_of_skipped(self, stacklevel: int = 3) -> None:
        """One warning for all that was left out."""
        if self.n_skipped:
            what = "1 image was" if self.n_skipped == 1 else f"{self.n_skipped:,} images were"
            more = "" if self.n_skipped == 1 else ", ..."
            warnings.warn(f"{what} skipped: {self._first_skipped}{more}", SkippedWarning, stacklevel=stacklevel)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _bars(is_asked: bool) -> Callable[..., Any] | None:
    """What makes bars; none where tqdm is not installed, or nobody looks."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # in Jupyter without ipywidgets tqdm says so, and makes bars of text
            bar = importlib.import_module("tqdm.auto").tqdm
    except ImportError:
        return None
    shows = is_asked or "ipykernel" in sys.modules or (sys.stderr is not None and sys.stderr.isatty())
    return (lambda **how: bar(leave=False, **how)) if shows else None
