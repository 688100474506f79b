"""The sets that benches/photos.py measures: a fifth of each, drawn by seed 0, as queries, the rest as the database.

    python benches/photo_splits.py DATA OUT

DATA holds intel64.tar, clothing128.tar, grocery128.tar and tinyimagenet64.tar. OUT gets SET/{db,q}/LABEL/ for each;
exact duplicates are left out, and of Tiny ImageNet the 50 of 200 kinds on which nothing was chosen are taken.
"""

import hashlib
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy


def photos(folder):
    found = (path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    return sorted(found, key=str)


def distinct(paths):
    seen = {}
    for path in paths:
        seen.setdefault(hashlib.sha256(path.read_bytes()).digest(), path)
    return list(seen.values())


def measured(paths):
    """Those of the 50 kinds to measure on; the other 150 are for choosing."""
    kinds = sorted({path.parent.name for path in paths})
    kept = {kinds[at] for at in numpy.random.default_rng(0).permutation(len(kinds))[150:]}
    return [path for path in paths if path.parent.name in kept]


def split(paths, out):
    order = numpy.random.default_rng(0).permutation(len(paths))
    fifth = len(paths) // 5
    for part, chosen in [("q", order[:fifth]), ("db", order[fifth:])]:
        for path in sorted(paths[at] for at in chosen):
            target = out / part / path.parent.name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                shutil.copyfile(path, target)


def main():
    data, out = map(Path, sys.argv[1:])
    for name, of in [("clothing128", distinct), ("grocery128", distinct), ("intel64", distinct),
                     ("tinyimagenet64", measured)]:
        with tempfile.TemporaryDirectory() as unpacked:
            with tarfile.open(data / f"{name}.tar") as archive:
                archive.extractall(unpacked, filter="data")
            split(of(photos(Path(unpacked))), out / {"tinyimagenet64": "tiny50"}.get(name, name))


if __name__ == "__main__":
    main()
