"""Indexing image files, whole processes, one thread and two: aesearch beside faiss with Pillow, imagededup, czkawka.

    .venv/bin/python benches/compare/index.py --mnist FOLDER --cifar ARCHIVE [--rounds 3] [--sides ..] [--save FILE]
    .venv/bin/python benches/compare/index.py --million [--save FILE]

Writes MNIST's 60,000 training images as PNG files and CIFAR-10's 50,000 as JPEG files, once, and reads them all, so that
they come from memory for everyone. Then, in turn and always in a fresh process:

- index: read every file, decode, encode, binarize, build an index, write it; aesearch tells where its CPU time goes.
- query: open the index of MNIST from disk, encode one image, find its 10 nearest, print them.

faiss is given codes by the same encoder.onnx, in batches of 256: for two threads by two processes that each do all of
it, or ("decoders") by two that decode for one that encodes. imagededup's network is slow: it encodes some images, and its
time for them is scaled to all. Neither it nor czkawka builds an index to be kept. Each side runs on the ONNX Runtime that
it finds by itself, unless --same-runtime gives aesearch the rival's library. What is finished is kept in --work, so that
an interrupted run goes on; --again measures some sides anew.
"""

import argparse
import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path

import index_tables
import measure
import rivals_index

OURS = index_tables.OURS
CZKAWKA = "czkawka"
DECODERS = "faiss hnsw decoders"  # another way to use two threads
CNN = index_tables.CNN
SIDES = (OURS, *rivals_index.FAISS, *rivals_index.IMAGEDEDUP, CZKAWKA)
ASKED = (OURS, "faiss hnsw", "faiss flat")
# model, number of images, what they are
SETS = {
    "mnist": ("digits/digits-64", 60_000, "PNG files of MNIST"),
    "cifar": ("thumbnails/photos-128", 50_000, "JPEG files of CIFAR-10"),
}


def watch(command, threads=1, env=None):
    """`measure.run` on so many threads."""
    return measure.run(command, {**dict.fromkeys(measure.ONE_THREAD, str(threads)), **(env or {})})


class Runs:
    """Runs the sides, and remembers in `work` what they took."""

    def __init__(self, args):
        self.aesearch = Path(args.aesearch or measure.build("--bin", "aesearch") / "aesearch").resolve()
        self.czkawka = args.czkawka
        self.work = Path(args.work or measure.ROOT / "target" / "index").resolve()
        self.again = args.again.split(",") if args.again else []
        self.env = shared_library() if args.same_runtime else {}
        for folder in ("results", "out"):
            (self.work / folder).mkdir(parents=True, exist_ok=True)

    def once(self, side, name, prepare, command, threads=1, env=None):
        """What `command` took, and what it said: from a file where it has run before."""
        path = self.work / "results" / f"{name}.json".replace(" ", "-").replace(",", "")
        if path.exists() and side not in self.again:
            return json.loads(path.read_text())
        print(path.stem, file=sys.stderr)
        prepare()
        out, took = watch(command, threads, self.env if env is None else env)
        # aesearch prints one document, a rival one line after others, czkawka none
        said = None if side == CZKAWKA else json.loads(out) if side == OURS else measure.last_json(out)
        path.write_text(json.dumps({**took, "said": said}))
        return {**took, "said": said}

    def write(self, verb, source, out, count):
        """Images below `work`, written where they are not there."""
        out = self.work / out
        if not out.exists():
            print(f"writing {out.name}", file=sys.stderr)
            script = Path(__file__).with_name("index_images.py")
            measure.run([sys.executable, script, verb, source, out, count])
        return out

    def index(self, side, images, out, model, threads):
        """The command that indexes a folder, and the environment that it needs."""
        if side == OURS:
            options = ["--index", out, "--model", model, "--threads", threads, "-q", "--json"]
            return [self.aesearch, "index", images, *options], None
        if side == CZKAWKA:
            # of files from 1 byte on, without its cache; images of equal hashes are grouped, its least
            options = ["-m", 1, "-H", "-s", 0, "-T", threads, "-N", "-W", "-f", out / "groups.txt"]
            return [self.czkawka, "image", "-d", images, *options], {"HOME": str(out), "XDG_CACHE_HOME": str(out)}
        return rival("index", side, model / "encoder.onnx", images, out, threads), None


def rival(*arguments):
    return [sys.executable, Path(rivals_index.__file__), *arguments]


def shared_library():
    """The library inside this interpreter's onnxruntime, for aesearch to use as well."""
    folder = Path(importlib.util.find_spec("onnxruntime").origin).parent / "capi"
    found = sorted(folder.glob("libonnxruntime.so.1.*")) + sorted(folder.glob("libonnxruntime.1.*.dylib"))
    return {"ORT_DYLIB_PATH": str(found[0])} if found else {}


def read_all(folder):
    """Bytes of all files, which are in memory then."""
    return sum(len(path.read_bytes()) for path in sorted(folder.rglob("*")) if path.is_file())


# Measuring.


def compare(runs, args):
    """{set: {"images", "bytes", "rounds": [{threads: {side: what it took}}]}}"""
    sets = {}
    for name, (model, count, what) in SETS.items():
        source = getattr(args, name)
        if source:
            count = min(count, args.images or count)
            folder = runs.write(name, Path(source).resolve(), f"{name}-{count}", count)
            few = runs.write("subset", folder, f"{name}-{count}-cnn", min(count, args.cnn_images))
            found = {"folder": folder, "few": few, "model": measure.ROOT / "models" / model, "rounds": []}
            sets[name] = {**found, "what": f"{count:,} {what}", "images": count, "bytes": read_all(folder)}
    for number in range(args.rounds):
        for found in sets.values():
            one = {}
            for threads in args.threads:
                sides = [side for side in args.sides if threads > 1 or side != DECODERS]
                one[threads] = {side: measure_one(runs, found, side, threads, number) for side in sides}
            found["rounds"].append(one)
    return sets


def measure_one(runs, found, side, threads, number):
    images = found["few"] if side == CNN else found["folder"]
    out = runs.work / "out" / found["folder"].name / side.replace(" ", "-")

    def prepare():
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)

    command, env = runs.index(side, images, out, found["model"], threads)
    took = runs.once(side, f"{found['folder'].name}.{side}.{threads}.{number}", prepare, command, threads, env)
    expected = len(os.listdir(images)) if side == CNN else found["images"]
    if took["said"] and took["said"]["images"] != expected:
        sys.exit(f"{side}: {images}: expected {expected} images, got {took['said']['images']}")
    return took


def queries(runs, args, found):
    """[{side: what a query took}], of an image that is in the index."""
    image = next(path for path in sorted(found["folder"].rglob("*")) if path.is_file())
    rounds, asked = [], [side for side in ASKED if side in args.sides]
    for number in range(4 * args.rounds):
        took = {}
        for side in asked:
            out = runs.work / "out" / found["folder"].name / side.replace(" ", "-")
            command = [runs.aesearch, "query", image, "--index", out, "-k", rivals_index.K, "-q", "--json"]
            command = command if side == OURS else rival("query", found["model"] / "encoder.onnx", image, out)
            took[side] = runs.once(side, f"{found['folder'].name}.query.{side}.{number}", lambda: None, command)
        rounds.append(took)
    check_codes(runs, found, image, rounds[0])
    return rounds


def check_codes(runs, found, image, took):
    """Our codes must be as near to each other as those of the rival."""
    if "faiss flat" not in took:
        return
    out = runs.work / "out" / found["folder"].name / OURS
    exact = ["--exact", "--rerank", 0, "-k", rivals_index.K, "-q", "--json"]
    answer = json.loads(watch([runs.aesearch, "query", image, "--index", out, *exact])[0])
    ours = [hit["distance"] for hit in answer["queries"][0]["hits"]]
    theirs = took["faiss flat"]["said"]["distances"]
    if ours != theirs:
        sys.exit(f"{image}: distances of the nearest: expected {theirs}, as faiss has them, got {ours}")


def million(runs, args):
    """One archive of so many images, indexed by as many threads as are measured, then once more with nothing changed."""
    archive = runs.write("million", "-", f"million-{args.million}.tar", args.million)
    model, threads = measure.ROOT / "models" / "digits" / "digits-64", max(args.threads)
    rounds = []
    with archive.open("rb") as file:
        while file.read(1 << 24):  # comes from memory then
            pass
    out = runs.work / "out" / archive.stem
    command, _ = runs.index(OURS, archive, out, model, threads)
    for number in range(args.rounds):
        name = f"{archive.stem}.{threads}.{number}"
        fresh = runs.once(OURS, f"{name}.new", lambda: shutil.rmtree(out, ignore_errors=True), command, threads)
        again = runs.once(OURS, f"{name}.again", lambda: None, command, threads)
        done = fresh["said"]["added"], again["said"]["unchanged"]
        if done != (args.million, args.million):
            sys.exit(f"{archive}: expected {args.million} images new, then unchanged, got {done}")
        rounds.append({"all new": fresh, "nothing changed": again})
    return {"images": args.million, "bytes": archive.stat().st_size, "threads": threads, "rounds": rounds}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", metavar="FOLDER", help="where MNIST's IDX files are")
    parser.add_argument("--cifar", metavar="ARCHIVE", help="CIFAR-10's training images, <class>/NNNN.jpg in a tar")
    parser.add_argument("--million", metavar="N", type=int, nargs="?", const=1_000_000, help="index an archive of N images")
    parser.add_argument("--images", type=int, help="fewer images of each collection, for a quick look")
    parser.add_argument("--cnn-images", type=int, default=2000, help="images for imagededup's network; their time is scaled")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--sides", default=",".join(SIDES))
    parser.add_argument("--without", default="", help="sides to leave out")
    parser.add_argument("--aesearch", metavar="PROGRAM", help="else it is compiled")
    parser.add_argument("--czkawka", metavar="PROGRAM", default="czkawka_cli")
    parser.add_argument("--same-runtime", action="store_true", help="aesearch loads the rival's ONNX Runtime")
    parser.add_argument("--again", default="", metavar="SIDES", help="measure these anew")
    parser.add_argument("--work", metavar="FOLDER", help="images, indexes and finished results (default: below target/)")
    parser.add_argument("--save", metavar="FILE", help="write the raw figures as JSON")
    args = parser.parse_args()
    args.threads = [int(n) for n in args.threads.split(",")]
    args.sides = [side for side in args.sides.split(",") if side not in args.without.split(",")]
    if not set(args.sides) <= set(SIDES) or OURS not in args.sides:
        parser.error(f"--sides: expected {OURS} and some of {', '.join(SIDES[1:])}")
    if not set(args.threads) <= set(index_tables.NUMBERS):
        parser.error("--threads: expected 1, 2 or 1,2")
    if not (args.mnist or args.cifar or args.million):
        parser.error("which images? --mnist and --cifar say where they are, --million makes some")
    return args


def main():
    args = arguments()
    versions = measure.last_json(measure.run(rival("versions"))[0])
    runs = Runs(args)
    sets = compare(runs, args)
    tables = []
    for found in sets.values():
        tables += index_tables.tell(found)
    if "mnist" in sets and 1 in args.threads:
        tables += index_tables.tell_queries(queries(runs, args, sets["mnist"]))
    if args.million:
        tables.append(index_tables.tell_million(million(runs, args)))
    if CZKAWKA in args.sides and sets:
        versions[CZKAWKA] = measure.run([args.czkawka, "--version"])[0].split()[1]
    runtime = json.loads(measure.run([runs.aesearch, "runtime", "show", "--json"], runs.env)[0])["used"]
    versions["onnxruntime of aesearch"] = runtime["version"]
    print("\n" + ", ".join(f"{name} {version}" for name, version in versions.items() if version))
    measure.save(args.save, tables, versions=versions, rounds=args.rounds)


if __name__ == "__main__":
    main()
