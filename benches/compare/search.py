"""Searching binary codes, one thread: aesearch beside faiss, usearch, hnswlib and hnsw_rs, recall against time.

    .venv/bin/python benches/compare/search.py --mnist FOLDER [--rounds 3] [--sets ..] [--sides ..] [--save FILE.json]

Three sets of codes, the same files for everyone: MNIST's digits through the model digits-64 (60,000 of 64 bits, asked with
test digits), 1M codes of 128 bits distributed as latents are, 1M clustered codes of 256 bits (index/benches/generate.rs).

Every index is built once and saved; then, in turn and always in a fresh process, each side opens its own and is swept from
fast to thorough. A point is a recall@10 (ties count as equal, against one exact truth, from distances computed here and
not by the side) and CPU microseconds per query. The library's batch call and one call per query are both measured, and
the better one counts. hnsw_rs is built and swept in one process, once, in the first round. Beside that: whole scans, two threads, all pairs.

What is finished is kept in --work, so that an interrupted run goes on; --again measures some sides anew.
"""

import argparse
import json
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import measure
import pareto
import rivals_search

OURS = "aesearch"
HNSW_RS = "hnsw_rs"
FLAT = pareto.FLAT
SIDES = (OURS, *rivals_search.SIDES, HNSW_RS)
# bits, kind of generated codes, number of codes
SETS = {
    "digits-64": (64, None, 60_000),
    "latent-128": (128, "latent", 1_000_000),
    "clustered-256": (256, "clustered", 1_000_000),
}
QUERIES = 2000
QUICK_ITEMS = 100_000
# More than most last-level caches, to be scanned whole and nothing else: one bucket for as many codes as there can be.
SCAN = ("scan-256", 256, "clustered", 8_000_000)
SCAN_BUCKET = 1 << 20
PAIRS_RADIUS = 6


class Runs:
    """Runs workers, and remembers in `work` what they found."""

    def __init__(self, args):
        self.search, self.generate = measure.build_benches("aesearch-index", "search", "generate")
        self.work = Path(args.work or measure.ROOT / "target" / ("search-quick" if args.quick else "search"))
        self.again = args.again.split(",") if args.again else []
        self.renewed = set()
        self.budget = args.budget

    def once(self, name, file, *command, env=None):
        """The lines of JSON that `command` prints: from `file` where it has run before."""
        path = self.work / file
        if path.exists() and not (name in self.again and path not in self.renewed):
            return json.loads(path.read_text())
        print(file, file=sys.stderr)
        out, _ = measure.run(command, env)
        found = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        path.write_text(json.dumps(found))
        self.renewed.add(path)
        return found

    def ours(self, verb, *arguments):
        return [self.search, verb, *arguments, "--budget", self.budget]

    def rival(self, verb, folder, bits, *arguments):
        script = Path(__file__).with_name("rivals_search.py")
        return [sys.executable, script, verb, folder, bits, *arguments, "--budget", self.budget]


# The codes.


def digits(runs, aesearch, mnist, folder):
    """Codes of MNIST's images, dumped from an index of each half; in an order that owes nothing to the index."""
    import numpy as np

    random = np.random.default_rng(1)
    for part, images in (("base", "train-images-idx3-ubyte.gz"), ("queries", "t10k-images-idx3-ubyte.gz")):
        with tempfile.TemporaryDirectory() as index:
            model = measure.ROOT / "models" / "digits" / "digits-64"
            measure.run([aesearch, "index", Path(mnist, images).resolve(), "--index", index, "--model", model, "-q"])
            dump = folder / f"{part}.dump"
            measure.run(runs.ours("codes", index, dump))
        codes = random.permutation(np.sort(np.fromfile(dump, np.uint64)))
        dump.unlink()
        (codes if part == "base" else codes[:QUERIES]).tofile(folder / f"{part}.u64")


def prepare(runs, args, name, bits, kind, items, queries=QUERIES):
    folder = runs.work / name
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "queries.u64").exists():
        if kind is None:
            if not args.mnist:
                sys.exit(f"{name}: --mnist: expected a folder with MNIST's IDX files")
            aesearch = args.aesearch or measure.build("--bin", "aesearch") / "aesearch"
            digits(runs, Path(aesearch).resolve(), args.mnist, folder)
        else:
            numbers = ["--bits", bits, "--items", items, "--queries", queries]
            measure.run([runs.generate, kind, folder / "base.u64", folder / "queries.u64", *numbers])
    if not (folder / "truth.i32").exists():
        measure.run(runs.rival("truth", folder, bits))
    return folder


# The sides.


def check_codes(runs, folder, bits):
    """Our index must hold the codes of the others, in whatever order."""
    import numpy as np

    dump = folder / "ours.dump"
    measure.run(runs.ours("codes", folder / "ours", dump))
    base, ours = (np.fromfile(path, np.uint64).reshape(-1, bits // 64) for path in (folder / "base.u64", dump))
    dump.unlink()
    in_order = [codes[np.lexsort(codes.T)] for codes in (base, ours)]
    if not np.array_equal(*in_order):
        sys.exit(f"{folder}: the index holds other codes than its source")


def build(runs, folder, bits, side):
    file = f"{folder.name}/{side.replace(' ', '-')}.build.json"
    if side != OURS:
        return runs.once(side, file, *runs.rival("build", folder, bits, side))[0]
    index = folder / "ours"
    if not (runs.work / file).exists() or side in runs.again:
        shutil.rmtree(index, ignore_errors=True)
    found = runs.once(side, file, *runs.ours("build", folder / "base.u64", bits, index))[0]
    if runs.work / file in runs.renewed:
        check_codes(runs, folder, bits)
    return found


def sweep(runs, folder, bits, side, number):
    """The points of one round, and what else the process tells."""
    file = f"{folder.name}/{side.replace(' ', '-')}.{number}.json"
    files = [folder / f"{part}" for part in ("queries.u64", "truth.i32")]
    if side == OURS:
        lines = runs.once(side, file, *runs.ours("search", folder / "ours", *files))
        lines += runs.once(side, f"{folder.name}/{side}.open.{number}.json", *runs.ours("open", folder / "ours"))
    elif side == HNSW_RS:
        lines = runs.once(side, file, *runs.ours("hnsw_rs", folder / "base.u64", bits, *files))
    else:
        lines = runs.once(side, file, *runs.rival("sweep", folder, bits, side))
    points = [line for line in lines if "at" in line]
    return points, {key: value for line in lines if "at" not in line for key, value in line.items()}


def whole_scans(runs, folder, bits, number):
    """Ours, as it is and with AVX2 where that is not the same, and faiss's."""
    files = [folder / "ours", folder / "queries.u64", folder / "truth.i32"]
    found = {OURS: runs.once(OURS, f"{folder.name}/exact.{number}.json", *runs.ours("exact", *files))[0]}
    if any("avx512_vpopcntdq" in line for line in measure.cpu_info()):
        forced = runs.ours("exact", *files)
        file = f"{folder.name}/exact-avx2.{number}.json"
        found[f"{OURS}, AVX2"] = runs.once(OURS, file, *forced, env={"AESEARCH_ISA": "avx2"})[0]
    file = f"{folder.name}/flat.{number}.json"
    found[FLAT] = runs.once(FLAT, file, *runs.rival("flat", folder, bits))[0]
    return found


def as_points(scans):
    """Whole scans as points beside the others: where nothing else is as good, they are what one would use."""
    ours = {"single": scans[OURS]["us_single"], "many": scans[OURS]["us_many"]}
    ways = {OURS: ours, FLAT: scans[FLAT]["us"]}
    point = {"at": pareto.WHOLE, "recall": 1.0}
    return {side: [{**point, "way": way, "us_best": us} for way, us in found.items() if us] for side, found in ways.items()}


def sides_of(name, sides):
    """As many lists as the root of the number of codes, and some times as many, is what faiss's guidelines advise."""
    unwise = "faiss ivf 4096" if name == "digits-64" else "faiss ivf 256"
    return [side for side in sides if side != unwise]


def compare(runs, args, sides):
    sets = {}
    for name in args.sets.split(","):
        bits, kind, items = SETS[name]
        items = min(items, QUICK_ITEMS) if args.quick else items
        prepare(runs, args, name, bits, kind, items)
        sets[name] = {"bits": bits, "items": items, "queries": QUERIES, "builds": {}, "rounds": [], "exact": []}
    build_all(runs, args, sets, sides)
    for number in range(args.rounds):
        for name, found in sets.items():
            folder, bits = runs.work / name, found["bits"]
            points = {}
            for side in sides_of(name, sides):
                if side == HNSW_RS and number > 0:
                    continue
                points[side], facts = sweep(runs, folder, bits, side, number)
                found["builds"].setdefault(side, {}).update(facts if number == 0 else {})
            if OURS in sides:
                found["exact"].append(whole_scans(runs, folder, bits, number))
                for side, scans in as_points(found["exact"][-1]).items():
                    points.setdefault(side, []).extend(scans)
            found["rounds"].append(points)
    return sets


def build_all(runs, args, sets, sides):
    """Ours alone, then those of the rivals, some at once: they take minutes each, and CPU time is what counts."""
    built = [side for side in sides if side != HNSW_RS]
    tasks = [(name, side) for side in built for name in sets if side in sides_of(name, [side])]

    def one(task):
        name, side = task
        return build(runs, runs.work / name, sets[name]["bits"], side)

    with ThreadPoolExecutor(args.jobs) as pool:
        rivals = [task for task in tasks if task[1] != OURS]
        done = [(task, one(task)) for task in tasks if task[1] == OURS]
        done += zip(rivals, pool.map(one, rivals))
    for (name, side), facts in done:
        sets[name]["builds"][side] = dict(facts)


def scan_from_memory(runs, args):
    """Whole scans of more codes than a cache holds."""
    name, bits, kind, items = SCAN
    items = QUICK_ITEMS if args.quick else items
    folder = prepare(runs, args, name, bits, kind, items, rivals_search.FLAT_QUERIES)
    index = folder / "ours"
    build = runs.ours("build", folder / "base.u64", bits, index, "--bucket-size", SCAN_BUCKET)
    if not index.exists() or OURS in runs.again:
        shutil.rmtree(index, ignore_errors=True)
        measure.run(build)
    return {"bits": bits, "items": items, "exact": [whole_scans(runs, folder, bits, n) for n in range(args.rounds)]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", metavar="FOLDER", help="where MNIST's IDX files are")
    parser.add_argument("--aesearch", metavar="PROGRAM", help="encodes MNIST; else it is compiled")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--sides", default=",".join(SIDES))
    parser.add_argument("--without", default="", help="sides to leave out")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2, help="rivals' indexes built at once")
    parser.add_argument("--budget", type=float, default=0.3, help="seconds per measured point")
    parser.add_argument("--quick", action="store_true", help="100,000 codes instead of 1M: minutes instead of half an hour")
    parser.add_argument("--again", default="", metavar="SIDES", help="measure these anew; 'faiss flat' is one of them")
    parser.add_argument("--work", metavar="FOLDER", help="codes, indexes and finished results (default: below target/)")
    parser.add_argument("--save", metavar="FILE.json", help="write the figures; pareto.py draws the picture from them")
    args = parser.parse_args()
    sides = [side for side in args.sides.split(",") if side not in args.without.split(",")]
    for what, given, known in (("--sides", sides, SIDES), ("--sets", args.sets.split(","), SETS)):
        if not set(given) <= set(known):
            parser.error(f"{what}: expected some of {', '.join(known)}")

    runs = Runs(args)
    document = {"rounds": args.rounds, "sets": compare(runs, args, sides)}
    if OURS in sides:
        document["scan"] = scan_from_memory(runs, args)
        folder = runs.work / "digits-64"
        for name in document["sets"]:
            threads = runs.ours("threads", runs.work / name / "ours", runs.work / name / "queries.u64")
            document["sets"][name]["threads"] = runs.once(OURS, f"{name}/threads.json", *threads)[0]
        if "digits-64" in document["sets"]:
            pairs = runs.ours("pairs", folder / "ours", PAIRS_RADIUS)
            document["pairs"] = {"radius": PAIRS_RADIUS, **runs.once(OURS, "digits-64/pairs.json", *pairs)[0]}
    versions = measure.last_json(measure.run([sys.executable, Path(rivals_search.__file__), "versions"])[0])
    print(pareto.table(document))
    if args.save:
        measure.save(args.save, [], versions=versions, **document)


if __name__ == "__main__":
    main()
