"""Finding duplicates, whole processes: `aesearch dedupe scan` beside imagededup, czkawka and difPy.

    .venv/bin/python benches/compare/dedupe.py --mnist FOLDER --cifar ARCHIVE [--rounds 3] [--sides ..] [--save FILE]

Writes MNIST's 10,000 test images and CIFAR-10's 50,000 training images with 1,000 planted copies of each kind, once
(dedupe_images.py), and reads them all, so that they come from memory for everyone. Then, in turn and always in a fresh
process: from the folder of files to the document of what is the same, with no index or cache from before. What each found
is held against the truth (dedupe_score.py): the part of the copies that it found, and its false pairs.

imagededup's hashes are also scored at every threshold, so that the recall of others can be compared at equal false pairs;
its network has no weights where none can be fetched, so it is only timed, on some images, and scaled. difPy is quadratic and
slow: it gets small sets of its own. imagededup's search is quadratic too: of it there are --slow-rounds.
What is finished is kept in --work, so that an interrupted run goes on; --again measures some sides anew.
"""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

import dedupe_tables
import index
import index_tables
import measure
import rivals_dedupe

OURS = dedupe_tables.OURS
HERE = Path(__file__).parent
CNN = index_tables.CNN
CURVES = tuple(rivals_dedupe.IMAGEDEDUP)
# Options of `dedupe scan`.
AESEARCH = {
    OURS: [],
    "aesearch strict": ["--false-positive-rate", "1e-8"],
    "aesearch loose": ["--false-positive-rate", "1e-4"],
    "aesearch flip": ["--invariant", "flip"],
}
# How many bits of 256 may differ (5 unless told otherwise), or of 64; of files from 1 byte on, without its cache.
CZKAWKA = {
    "czkawka": ["-s", 5],
    "czkawka 0": ["-s", 0],
    "czkawka 20": ["-s", 20],
    "czkawka lanczos 20": ["-z", "Lanczos3", "-s", 20],
    "czkawka lanczos 40": ["-z", "Lanczos3", "-s", 40],
    "czkawka 64 bits 5": ["-z", "Lanczos3", "-c", 8, "-s", 5],
    "czkawka 64 bits 10": ["-z", "Lanczos3", "-c", 8, "-s", 10],
    "czkawka flip": ["-s", 5, "--geometric-invariance", "mirror-flip"],
}
DIFPY = tuple(rivals_dedupe.DIFPY)
SIDES = (*AESEARCH, *CZKAWKA, *CURVES, CNN, *DIFPY)
SLOW = (*CURVES, CNN, *DIFPY)
# Images and copies of each kind; of the small sets too.
SETS = {"mnist": (10_000, 1000, "MNIST"), "cifar": (50_000, 1000, "CIFAR-10")}
SMALL = (1000, 100)


class Runs:
    """Runs the sides, and remembers in `work` what they took and found."""

    def __init__(self, args):
        self.aesearch = args.aesearch or measure.build("--bin", "aesearch") / "aesearch" if args.ours else None
        self.czkawka = args.czkawka
        self.same, self.threads = args.same, args.threads
        self.work = Path(args.work or measure.ROOT / "target" / "dedupe").resolve()
        self.again = args.again
        for folder in ("results", "out"):
            (self.work / folder).mkdir(parents=True, exist_ok=True)

    def once(self, side, name, prepare, command, env=None):
        """What `command` took, and what a script of ours said: from a file where it has run before."""
        path = self.work / "results" / f"{name}.json".replace(" ", "-").replace(",", "")
        if path.exists() and side not in self.again:
            return json.loads(path.read_text())
        print(path.stem, file=sys.stderr)
        prepare()
        limits = dict.fromkeys(measure.ONE_THREAD, str(self.threads))
        out, took = measure.run(command, {**limits, **(env or {})})
        took["said"] = measure.last_json(out) if command[0] == sys.executable else None
        path.write_text(json.dumps(took))
        return took

    def write(self, name, source, count, copies):
        """A set below `work`, written where it is not there."""
        out = self.work / f"{name}-{count}-{copies}"
        if not out.exists():
            print(f"writing {out.name}", file=sys.stderr)
            measure.run([sys.executable, HERE / "dedupe_images.py", name, source, out, count, copies])
        return out

    def subset(self, folder, count):
        out = self.work / f"{folder.name}-cnn-{count}"
        if not out.exists():
            measure.run([sys.executable, HERE / "index_images.py", "subset", folder / "images", out, count])
        return out

    def out(self, folder, side):
        return self.work / "out" / folder.name / side.replace(" ", "-").replace(",", "")

    def find(self, side, folder, out):
        """The command that compares a set's images, and the environment that it needs."""
        images = (folder / "images").resolve()
        if side in AESEARCH:
            options = ["--index", out / "index", "-o", out / "found.json", "--threads", self.threads, "-q"]
            return [self.aesearch, "dedupe", "scan", images, *options, *AESEARCH[side]], None
        if side in CZKAWKA:
            options = ["-m", 1, "-H", "-N", "-M", "-W", "-T", self.threads, "-C", out / "found.json"]
            home = {"HOME": str(out), "XDG_CACHE_HOME": str(out), "XDG_CONFIG_HOME": str(out)}
            return [self.czkawka, "image", "-d", images, *options, *CZKAWKA[side]], home
        return rival("find", side, images, out, self.threads), None

    def measure(self, side, folder, number, cnn_images):
        out = self.out(folder, side)

        def prepare():
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir(parents=True)

        name = f"{folder.name}.{side}.{self.threads}.{number}"
        if side != CNN:
            command, env = self.find(side, folder, out)
            return self.once(side, name, prepare, command, env)
        few = self.subset(folder, cnn_images)
        took = self.once(side, name, prepare, index.rival("index", side, "-", few, out, self.threads))
        return {**took, **index_tables.for_all(took, count_files(folder / "images"))}

    def score(self, side, folder):
        """Of the document that the last round wrote; pairs among originals are written beside it."""
        out = self.out(folder, side)
        return self.judge("found", side, folder, out / "found.json", ["--pairs", out / "originals.csv"])

    def curve(self, side, folder):
        out = self.out(folder, f"{side} hashes")
        out.mkdir(parents=True, exist_ok=True)
        if not (out / "hashes.json").exists():
            measure.run(rival("hashes", side, (folder / "images").resolve(), out, self.threads))
        return self.judge("curve", None, folder, out / "hashes.json", [])

    def judge(self, verb, side, folder, raw, options):
        names = [] if side is None else [side]
        same = ["--same", Path(self.same).resolve()] if self.same else []
        command = [sys.executable, HERE / "dedupe_score.py", verb, folder, *names, raw, *options, *same]
        return json.loads(measure.run(command)[0])


def rival(*arguments):
    return [sys.executable, HERE / "rivals_dedupe.py", *arguments]


def count_files(folder):
    return sum(len(names) for _, _, names in os.walk(folder))


def compare(runs, args):
    """[a set: its sides' {"took": {side: [what it took]}, "scores", "curves"}]"""
    sets = []
    for name, (count, copies, what) in SETS.items():
        source = getattr(args, name)
        if not source:
            continue
        count = min(count, args.images or count)
        source = Path(source).resolve()
        for small in (False, True):
            sides = [side for side in args.sides if side in AESEARCH or small == (side in DIFPY)]
            if not sides or small and sides == [side for side in args.sides if side in AESEARCH]:
                continue
            folder = runs.write(name, source, *(SMALL if small else (count, min(copies, count // 10))))
            index.read_all(folder / "images")
            images = count_files(folder / "images")
            facts = {"what": f"{images:,} images of {what}", "images": images, "threads": args.threads}
            sets.append({**facts, "folder": folder, "sides": sides, "took": {side: [] for side in sides}})
    for number in range(args.rounds):
        for found in sets:
            for side in found["sides"]:
                if number < args.slow_rounds or side not in SLOW:
                    found["took"][side].append(runs.measure(side, found["folder"], number, args.cnn_images))
    for found in sets:
        folder, sides = found["folder"], found["sides"]
        found["scores"] = {side: runs.score(side, folder) for side in sides if side != CNN}
        found["curves"] = {side: runs.curve(side, folder) for side in sides if side in CURVES}
    return sets


def versions(runs, args):
    found = measure.last_json(measure.run(rival("versions"))[0])
    if any(side in CZKAWKA for side in args.sides):
        found["czkawka"] = measure.run([args.czkawka, "--version"])[0].split()[1]
    if args.ours:
        found[OURS] = measure.run([runs.aesearch, "--version"])[0].split()[1]
    return found


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", metavar="FOLDER", help="where MNIST's IDX files are")
    parser.add_argument("--cifar", metavar="ARCHIVE", help="CIFAR-10's training images, <class>/NNNN.jpg in a tar")
    parser.add_argument("--images", metavar="N", type=int, help="fewer images of each collection, and fewer copies")
    parser.add_argument("--cnn-images", type=int, default=1000, help="images for imagededup's network; their time is scaled")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slow-rounds", type=int, default=1, help="of imagededup and difPy")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sides", default=",".join(SIDES), help="a name stands for all that begin with it")
    parser.add_argument("--without", default="", help="sides to leave out")
    parser.add_argument("--same", metavar="FILE", help="a,b[,judgement]: pairs of originals that were looked at")
    parser.add_argument("--aesearch", metavar="PROGRAM", help="else it is compiled")
    parser.add_argument("--czkawka", metavar="PROGRAM", default="czkawka_cli")
    parser.add_argument("--again", default="", metavar="SIDES", help="measure these anew")
    parser.add_argument("--work", metavar="FOLDER", help="images and finished results (default: below target/)")
    parser.add_argument("--save", metavar="FILE", help="write the raw figures as JSON")
    args = parser.parse_args()
    without = named(parser, args.without)
    args.sides = [side for side in named(parser, args.sides) if side not in without]
    args.again = named(parser, args.again)
    args.ours = any(side in AESEARCH for side in args.sides)
    if not (args.mnist or args.cifar):
        parser.error("which images? --mnist and --cifar say where they are")
    return args


def named(parser, text):
    """A name stands for all sides that begin with it."""
    names = [name for name in text.split(",") if name]
    unknown = [name for name in names if not any(side.startswith(name) for side in SIDES)]
    if unknown:
        parser.error(f"{unknown[0]}: expected one of {', '.join(SIDES)}")
    return [side for side in SIDES if side.startswith(tuple(names))]


def main():
    args = arguments()
    runs = Runs(args)
    tables = []
    for found in compare(runs, args):
        reference = OURS if OURS in found["sides"] else found["sides"][0]
        tables += dedupe_tables.tell(found, reference)
    facts = versions(runs, args)
    print("\n" + ", ".join(f"{name} {version}" for name, version in facts.items() if version))
    measure.save(args.save, tables, versions=facts, rounds=args.rounds)


if __name__ == "__main__":
    main()
