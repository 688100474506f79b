"""The rivals of dedupe.py, as their users would call them. One verb per process; facts as JSON on the last line.

    rivals_dedupe.py find SIDE FOLDER OUT THREADS        compares all images of a folder, writes OUT/found.json
    rivals_dedupe.py hashes SIDE FOLDER OUT THREADS      the hashes alone, for a curve over all thresholds
    rivals_dedupe.py versions                            what is installed

What is written is the rival's own document; dedupe_score.py reads it.
"""

import argparse
import importlib.metadata
import json
import logging
import os
from pathlib import Path

import rivals_index

# The hash's class. Each is used with the library's own threshold, which is 10 of 64 bits.
IMAGEDEDUP = {"imagededup phash": "PHash", "imagededup dhash": "DHash"}
# What `similarity` and the other options are; the mean square error that it names is taken modulo 256 by the library.
DIFPY = {
    "difpy duplicates": {"similarity": "duplicates"},
    "difpy similar": {"similarity": "similar"},
    "difpy similar any size": {"similarity": "similar", "same_dim": False},
}


def imagededup(side):
    logging.disable(logging.INFO)  # what it tells of its progress
    import imagededup.methods

    return getattr(imagededup.methods, IMAGEDEDUP[side])(verbose=False)


def find_imagededup(side, folder, out, threads):
    found = imagededup(side).find_duplicates(
        folder,
        recursive=True,
        outfile=str(out / "found.json"),
        num_enc_workers=threads,
        num_dist_workers=threads,
    )
    rivals_index.say(images=len(found))


def find_difpy(side, folder, out, threads):
    import difPy

    built = difPy.build(folder, show_progress=False, processes=threads)
    found = difPy.search(built, show_progress=False, processes=threads, **DIFPY[side])
    (out / "found.json").write_text(json.dumps(found.result, default=float))
    rivals_index.say(images=built.stats["total_files"])


def hashes(side, folder, out, threads):
    found = imagededup(side).encode_images(folder, recursive=True, num_enc_workers=threads)
    (out / "hashes.json").write_text(json.dumps(found))
    rivals_index.say(images=len(found))


def versions():
    """Of the packages; none where one is missing."""
    found = {}
    for name in ("imagededup", "difPy", "torch", "numpy", "pillow"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name, sides in (("find", (*IMAGEDEDUP, *DIFPY)), ("hashes", tuple(IMAGEDEDUP))):
        verb = verbs.add_parser(name)
        verb.add_argument("side", choices=sides)
        verb.add_argument("folder")
        verb.add_argument("out", type=Path)
        verb.add_argument("threads", type=int)
    verbs.add_parser("versions")
    args = parser.parse_args()
    if args.verb == "versions":
        rivals_index.say(**versions())
        return
    work = hashes if args.verb == "hashes" else find_imagededup if args.side in IMAGEDEDUP else find_difpy
    work(args.side, os.path.abspath(args.folder), args.out, args.threads)


if __name__ == "__main__":
    main()
