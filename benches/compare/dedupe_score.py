"""How good it is what a program of dedupe.py found, by the planted copies. Each verb prints one JSON document.

    dedupe_score.py found SET SIDE RAW [--same FILE] [--pairs FILE]     the program's own document RAW
    dedupe_score.py curve SET HASHES [--same FILE]                      64-bit hashes, at every threshold
    dedupe_score.py keepers SET PLAN                                    which file aesearch keeps, of photos

SET is a folder that dedupe_images.py or dedupe_photos.py wrote. Told are: `recall` for each kind of copy; `false_pairs`, whose two images
come from different originals, and how many of them are `among_originals` (they may be real: a collection has
duplicates of its own); the part of all images that is `in_groups`; the originals `lost`, of which no file would be left
if all were removed that the program proposes to remove.

A group says of all its images that they are the same, so each two of them are a pair; groups that share an image are one.
A program that lists pairs (imagededup) is taken by its word: its pairs are not joined.

Originals with the same bytes are the same image. `--same` names a file of lines a,b or a,b,judgement, of pairs that
somebody has looked at: they are the same as well, unless the judgement is 0, no, false or different.
`--pairs` writes the pairs among originals, to be looked at.

`keepers` takes the near and edited groups of a plan that hold a copy and its original: the share in which an original is
kept, for each kind of copy the share of those whose original is kept, what is kept instead and why, and how many files
with the EXIF data of a camera would go for one that has none.
"""

import argparse
import csv
import hashlib
import json
import os
from collections import Counter
from itertools import combinations, islice
from pathlib import Path

import numpy as np

MOST = 32  # of 64 bits: the curve's last threshold
BLOCK = 500  # images compared with all others at a time
LISTED = 20_000  # pairs among originals, at most
DIFFERENT = ("0", "no", "false", "different")


class Joined:
    """Numbers 0..count, some of them joined (union-find)."""

    def __init__(self, count):
        self.parent = list(range(count))

    def find(self, i):
        while self.parent[i] != i:
            self.parent[i] = self.parent[self.parent[i]]
            i = self.parent[i]
        return i

    def join(self, i, j):
        i, j = sorted((self.find(i), self.find(j)))
        self.parent[j] = i


class Truth:
    """A set's images, by number: the originals first."""

    def __init__(self, folder, same=None):
        self.images = (Path(folder) / "images").resolve()
        found = [os.path.join(parent, name) for parent, _, names in os.walk(self.images) for name in names]
        paths = [os.path.relpath(path, self.images) for path in found]
        paths.sort(key=lambda path: (path.startswith("copies"), path))
        self.paths = paths
        self.number = {path: i for i, path in enumerate(paths)}
        self.originals = sum(not path.startswith("copies") for path in paths)
        joined = Joined(len(paths))
        self.join_equal(joined)
        for a, b in judged_same(same):
            joined.join(self.number[a], self.number[b])
        self.planted = {}  # kind: [(original, copy)]
        with (Path(folder) / "truth.csv").open(newline="") as file:
            for line in csv.DictReader(file):
                pair = self.number[line["a"]], self.number[line["b"]]
                self.planted.setdefault(line["kind"], []).append(pair)
                joined.join(*pair)
        self.root = np.array([joined.find(i) for i in range(len(paths))])

    def join_equal(self, joined):
        first = {}
        for i in range(self.originals):
            digest = hashlib.blake2b((self.images / self.paths[i]).read_bytes()).digest()
            joined.join(first.setdefault(digest, i), i)

    def numbers(self, paths, base=None):
        """Of paths as a program tells them: absolute, or below `base`."""
        start = f"{self.images}{os.sep}"
        base = self.images if base is None else base
        return [self.number[os.path.join(base, path).removeprefix(start)] for path in paths]

    def same_pairs(self, count):
        """[(i, j)] of one root, among the first `count` images."""
        families = {}
        for i in range(count):
            families.setdefault(self.root[i], []).append(i)
        return [pair for family in families.values() for pair in combinations(family, 2)]


def judged_same(file):
    if file is None:
        return []
    with open(file, newline="") as lines:
        rows = [row for row in csv.reader(lines) if row and row[0] != "a"]
    return [row[:2] for row in rows if len(row) < 3 or row[2].strip().lower() not in DIFFERENT]


# What the programs wrote: groups of images, and those of them that go.


def groups_of(truth, side, document):
    if side.startswith("aesearch"):
        base = document["base"]
        groups, gone = [], set()
        for group in document["groups"]:
            go = truth.numbers([file["path"] for file in group["duplicates"]], base)
            stay = truth.numbers([group["keep"], *(file["path"] for file in group.get("also_kept", []))], base)
            groups.append(stay + go)
            gone.update(go)
        return groups, gone
    if side.startswith("czkawka"):
        groups = [truth.numbers([file["path"] for file in group]) for group in document]
    else:  # difPy: {image: [[image, error]]}
        groups = [truth.numbers([one, *(path for path, _ in others)]) for one, others in document.items()]
    return groups, {i for group in groups for i in group[1:]}


def pairs_of(truth, document):
    """imagededup: {image: [image]}, each pair twice; [N, 2], and what its find_duplicates_to_remove would remove."""
    pairs, gone = [], set()
    for path, others in document.items():
        (i,), numbers = truth.numbers([path]), truth.numbers(others)
        pairs += [(i, j) for j in numbers if i < j]
        if i not in gone:
            gone.update(numbers)
    return np.array(pairs, np.int64).reshape(-1, 2), gone


# Scores.


def score(truth, side, document, listing):
    if side.startswith("imagededup"):
        pairs, gone = pairs_of(truth, document)
        facts = score_pairs(truth, pairs, listing)
    else:
        groups, gone = groups_of(truth, side, document)
        facts = score_groups(truth, groups, listing)
    left = set(truth.root[[i for i in range(len(truth.paths)) if i not in gone]].tolist())
    return {"images": len(truth.paths), **facts, "removed": len(gone), "lost": len(set(truth.root.tolist()) - left)}


def score_pairs(truth, pairs, listing):
    count = len(truth.paths)
    keys = set((pairs[:, 0] * count + pairs[:, 1]).tolist())
    recall = {kind: mean(i * count + j in keys for i, j in planted) for kind, planted in truth.planted.items()}
    false = truth.root[pairs[:, 0]] != truth.root[pairs[:, 1]]
    originals = pairs[false & (pairs[:, 1] < truth.originals)]
    write_pairs(truth, originals.tolist(), listing)
    return {
        "recall": recall,
        "false_pairs": int(false.sum()),
        "among_originals": len(originals),
        "in_groups": len(np.unique(pairs)) / count,
    }


def score_groups(truth, groups, listing):
    joined = Joined(len(truth.paths))
    for group in groups:
        for i in group[1:]:
            joined.join(group[0], i)
    members = {}
    for i in {i for group in groups for i in group}:
        members.setdefault(joined.find(i), []).append(i)
    whole = [sorted(group) for group in members.values()]
    bare = [[i for i in group if i < truth.originals] for group in whole]
    write_pairs(truth, (pair for group in bare for pair in combinations(group, 2)), listing)
    found = {kind: mean(joined.find(i) == joined.find(j) for i, j in planted) for kind, planted in truth.planted.items()}
    return {
        "recall": found,
        "false_pairs": sum(mixed(truth, group) for group in whole),
        "among_originals": sum(mixed(truth, group) for group in bare),
        "in_groups": sum(map(len, whole)) / len(truth.paths),
        "largest_group": max(map(len, whole), default=0),
    }


def mixed(truth, group):
    """Pairs of different roots in a group."""
    families = Counter(truth.root[group].tolist()).values()
    return pairs_among(len(group)) - sum(map(pairs_among, families))


def pairs_among(count):
    return count * (count - 1) // 2


def mean(found):
    found = list(found)
    return sum(found) / len(found)


def write_pairs(truth, pairs, listing):
    if listing:
        false = ((i, j) for i, j in pairs if truth.root[i] != truth.root[j])
        with open(listing, "w", newline="") as file:
            lines = csv.writer(file, lineterminator="\n")
            lines.writerow(("a", "b"))
            lines.writerows((truth.paths[i], truth.paths[j]) for i, j in islice(false, LISTED))


def curve(truth, document):
    """Of a program that calls two images the same when their hashes differ in at most so many bits."""
    hashes = np.zeros(len(truth.paths), np.uint64)
    hashes[truth.numbers(document)] = [int(text, 16) for text in document.values()]
    pairs, nearest = distances(hashes)
    originals, _ = distances(hashes[: truth.originals])
    for counts, count in ((pairs, len(hashes)), (originals, truth.originals)):
        for i, j in truth.same_pairs(count):
            counts[np.bitwise_count(hashes[i] ^ hashes[j])] -= 1
    planted = {kind: np.array(pairs) for kind, pairs in truth.planted.items()}
    apart = {kind: np.bitwise_count(hashes[pairs[:, 0]] ^ hashes[pairs[:, 1]]) for kind, pairs in planted.items()}
    return [
        {
            "threshold": most,
            "recall": {kind: float((bits <= most).mean()) for kind, bits in apart.items()},
            "false_pairs": int(pairs[: most + 1].sum()),
            "among_originals": int(originals[: most + 1].sum()),
            "in_groups": float((nearest <= most).mean()),
        }
        for most in range(MOST + 1)
    ]


def keepers(truth, plan):
    """Which file stays in the groups that hold a copy and its original."""
    planted = {}  # copy: (kind, its originals)
    for kind, pairs in truth.planted.items():
        for original, copy in pairs:
            planted.setdefault(copy, (kind, set()))[1].add(original)
    kept, by_kind, wrong = [], {}, []
    for group in plan["groups"]:
        if group["kind"] not in ("near", "edited"):
            continue
        files = [group["keeper"], *group.get("also_kept", []), *group["duplicates"]]
        members = truth.numbers([file["path"] for file in files], plan["base"])
        copies = [(copy, *planted[copy]) for copy in members if copy in planted and planted[copy][1] & set(members)]
        if not copies:
            continue
        kept.append(any(members[0] in originals for _, _, originals in copies))
        for copy, kind, originals in copies:
            by_kind.setdefault(kind, []).append(members[0] in originals)
            if members[0] not in originals:
                wrong.append({"copy": truth.paths[copy], "kept": truth.paths[members[0]], "reason": group["reason"]})
    shares = {kind: round(mean(found), 3) for kind, found in sorted(by_kind.items())}
    return {
        "groups": len(kept),
        "original_kept": mean(kept) if kept else None,
        "by_kind": shares,
        "cameras_lost": plan["cameras_lost"],
        "wrong": wrong,
    }


def distances(hashes):
    """How many pairs are so many bits apart, up to MOST; how far each is from its nearest."""
    counts, nearest = np.zeros(65, np.int64), np.zeros(len(hashes), np.uint8)
    for begin in range(0, len(hashes), BLOCK):
        block = np.bitwise_count(hashes[begin : begin + BLOCK, None] ^ hashes)
        own = np.arange(len(block))
        block[own, begin + own] = 255
        nearest[begin : begin + BLOCK] = block.min(axis=1)
        counts += np.bincount(block[block <= MOST], minlength=65)
    return counts // 2, nearest


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name, more in (("found", ("side", "raw")), ("curve", ("raw",)), ("keepers", ("raw",))):
        verb = verbs.add_parser(name)
        for argument in ("set", *more):
            verb.add_argument(argument)
        verb.add_argument("--same", metavar="FILE")
        verb.add_argument("--pairs", metavar="FILE")
    args = parser.parse_args()
    truth = Truth(args.set, args.same)
    document = json.loads(Path(args.raw).read_text())
    if args.verb == "keepers":
        told = keepers(truth, document)
    else:
        told = curve(truth, document) if args.verb == "curve" else score(truth, args.side, document, args.pairs)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
