"""Options, checked before the library takes them: a wrong one raises :class:`InvalidError` and is named."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from aesearch.errors import InvalidError

#: The largest number that the library takes.
_MOST = 2**63 - 1
#: The least that makes sense, where it is not 0.
_LEAST = {"batch_size": 1, "bits": 1, "k": 1, "max_k": 1, "min_size": 1, "per_digit": 1}
#: More means no more than this.
_MOST_OF = {"radius": 2**32 - 1, "threads": 1024}
_WHOLE = (
    "batch batch_size bits channels depth early_stop epochs k latent max_k max_memory max_queries min_size neighbours "
    "per_digit radius rerank seed side threads thumbnails width"
)
_NUMBERS = (
    "denoise false_positive_rate learning_rate perplexity recall threshold validation weight_decay"
)
_FLAGS = (
    "across codes different dry_run duplicates exact force forget keep_all latents merge_metadata metadata mirrored "
    "only_near pixels prune read related resume sidecars turned wait without_self"
)
_TEXTS = (
    "action augment binarizer colour_by device family labels map method model select start teacher to where"
)


def checked(options: dict[str, Any], none: Iterable[str] = ()) -> dict[str, Any]:
    """The same options, each of the kind that its name stands for; those of ``none`` may be ``None``."""
    may_be_none = frozenset(none)
    return {
        name: value if value is None and name in may_be_none else _KINDS[name](name, value)
        for name, value in options.items()
    }


def whole(name: str, value: object) -> int:
    """A whole number, of Python or NumPy."""
    least = _LEAST.get(name, 0)
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = -1
    if isinstance(value, bool | np.bool_) or not least <= number <= _MOST:
        raise InvalidError(f"{name}: expected a whole number of at least {least}, got {value!r}")
    return min(number, _MOST_OF.get(name, _MOST))


def number(name: str, value: object) -> float:
    """A number, of Python or NumPy."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise InvalidError(f"{name}: expected a number, got {value!r}")
    return float(value)


def flag(name: str, value: object) -> bool:
    """True or false, of Python or NumPy."""
    if not isinstance(value, bool | np.bool_):
        raise InvalidError(f"{name}: expected True or False, got {value!r}")
    return bool(value)


def text(name: str, value: object) -> str:
    """A text, or a path as one."""
    said = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(said, str):
        raise InvalidError(f"{name}: expected a text, got {value!r}")
    return said


def texts(name: str, values: str | Iterable[str]) -> list[str]:
    """Several texts; one on its own counts as well."""
    return [text(name, value) for value in listed(name, values)]


def listed(name: str, values: Any) -> list[Any]:
    """What may be several: a text, a path or a function on its own is one, not its characters."""
    if isinstance(values, str | bytes | os.PathLike) or callable(values):
        return [values]
    if not isinstance(values, Iterable):
        raise InvalidError(f"{name}: expected one or several, got {values!r}")
    return list(values)


_KINDS: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(_WHOLE.split(), whole),
    **dict.fromkeys(_NUMBERS.split(), number),
    **dict.fromkeys(_FLAGS.split(), flag),
    **dict.fromkeys(_TEXTS.split(), text),
    **dict.fromkeys(("exclude", "keep", "kinds", "parts"), texts),
}
