"""Something to try it on.

>>> import aesearch
>>> images = aesearch.demo.digits("tour")  # doctest: +SKIP
"""

from __future__ import annotations

import os

from aesearch import _native
from aesearch._images import PathLike
from aesearch._options import checked

__all__ = ["digits"]


def digits(folder: PathLike, *, per_digit: int = 40, seed: int = 1) -> str:
    """Draws digits that look handwritten, 28 x 28 pixels each: ``folder/digits/0/0000.png`` and so on.

    Returns ``folder/digits``. One more, to search with, is ``folder/7.png``. The same seed draws the same.
    """
    drawn = checked({"seed": seed, "per_digit": per_digit})
    _native.write_digits(os.fspath(folder), drawn["seed"], drawn["per_digit"])
    return os.path.join(os.fspath(folder), "digits")
