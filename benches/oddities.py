"""What `aesearch outliers` finds among MNIST's 10,000 test images: strangers, and labels that are wrong.

    .venv/bin/pip install numpy
    .venv/bin/python benches/oddities.py --mnist FOLDER --cifar ARCHIVE [--rounds 3] [--save FILE]

In each round (its number is the seed) 100 of CIFAR-10's images are put among the digits: AUROC of the score and of either rank
by itself, that is, how often a stranger has a higher one than a digit. Then, without strangers, 200 of the digits' labels
become another one: how many of them are among the first 400 that `outliers` names.
"""

import argparse
import csv
import json
import struct
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent / "compare"))
import digits
import measure

STRANGERS = 100
SWAPPED = 200
FIRST = 400
SCORES = ("score", "reconstruction_rank", "neighbour_rank")


def cifar(archive, rng, folder):
    """Some of the archive's files."""
    with tarfile.open(archive) as tar:
        members = sorted((member for member in tar if member.isfile()), key=lambda member: member.name)
        for number, at in enumerate(rng.choice(len(members), STRANGERS, replace=False)):
            name = f"{number:03}{Path(members[at].name).suffix}"
            (folder / name).write_bytes(tar.extractfile(members[at]).read())


def write_idx(path, values):
    path.write_bytes(bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes())


def auroc(odd, usual):
    """The part of all pairs in which the odd one has the higher score; equal ones count half."""
    usual = np.sort(usual)
    return float(np.mean((np.searchsorted(usual, odd, "left") + np.searchsorted(usual, odd, "right")) / 2) / len(usual))


def strangers(aesearch, images, archive, work, rng):
    """AUROC by each of SCORES, and what it took."""
    write_idx(work / "t10k-images-idx3-ubyte", images)
    folder = work / "strangers"
    folder.mkdir()
    cifar(archive, rng, folder)
    measure.run([aesearch, "index", work, "--index", work / "a", "--model", "digits-64", "-q"])
    table = work / "found.csv"
    _, took = measure.run([aesearch, "outliers", "--index", work / "a", "-o", table, "-q"])
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    odd = np.array(["strangers" in Path(row["path"]).parts for row in rows])
    assert odd.sum() == STRANGERS and len(rows) == len(images) + STRANGERS
    values = {name: np.array([float(row[name]) for row in rows]) for name in SCORES}
    return {name: auroc(scores[odd], scores[~odd]) for name, scores in values.items()}, took


def wrong_labels(aesearch, images, labels, work, rng):
    """How many labels are named, and how many of the wrong ones are among the first."""
    wrong = rng.choice(len(labels), SWAPPED, replace=False)
    labels = labels.copy()
    labels[wrong] = (labels[wrong] + rng.integers(1, 10, SWAPPED)) % 10
    write_idx(work / "t10k-images-idx3-ubyte", images)
    write_idx(work / "t10k-labels-idx1-ubyte", labels)
    measure.run([aesearch, "index", work, "--index", work / "b", "--model", "digits-64", "-q"])
    named = json.loads(measure.run([aesearch, "outliers", "--unread", "--index", work / "b", "--json"])[0])["label_errors"]
    numbers = [int(one["path"].rsplit("#", 1)[1]) for one in named]
    return {"named": len(named), "found": len(set(numbers) & set(wrong.tolist())), "first": len(set(numbers[:FIRST]) & set(wrong.tolist()))}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", metavar="FOLDER", required=True, help="where MNIST's IDX files are")
    parser.add_argument("--cifar", metavar="ARCHIVE", required=True, help="a .tar.xz of CIFAR-10's images as files")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--aesearch", metavar="PROGRAM", help="else it is compiled")
    parser.add_argument("--save", metavar="FILE", help="write the figures as JSON")
    args = parser.parse_args()
    aesearch = Path(args.aesearch).resolve() if args.aesearch else measure.build("--bin", "aesearch") / "aesearch"
    images, labels = (digits.idx(Path(args.mnist, names[1])) for names in (digits.IMAGES, digits.LABELS))
    rounds = []
    for seed in range(args.rounds):
        rng = np.random.default_rng(seed)
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            found, took = strangers(aesearch, images, args.cifar, Path(one), rng)
            doubts = wrong_labels(aesearch, images, labels, Path(other), rng)
        rounds.append({"seed": seed, "auroc": found, "wall": took["wall"], "labels": doubts})
        scores = ", ".join(f"{name} {value:.4f}" for name, value in found.items())
        print(f"seed {seed}: {STRANGERS} strangers: AUROC by {scores}; {took['wall']:.1f} s")
        print(f"        {SWAPPED} wrong labels: {doubts['first']} among the first {FIRST}, {doubts['found']} of all {doubts['named']} named")
    measure.save(args.save, rounds, images=len(images), strangers=STRANGERS, wrong_labels=SWAPPED)


if __name__ == "__main__":
    main()
