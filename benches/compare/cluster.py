"""Clusters of MNIST's 70,000 images by their latents: `aesearch cluster` beside scikit-learn.

    .venv/bin/python benches/compare/cluster.py --mnist FOLDER [--index DIR] [--rounds 5] [--save FILE]

In turn, always in a fresh process, with one thread and with two; round r has seed r on every side. Two times are told: that of
the labels and centres alone (on our side until each image has its cluster, on the other `fit`), and that of the whole process, which
is what a user waits for: there Python imports scikit-learn, and aesearch opens the index and finds medoids, diameters and silhouettes too.
Clusters are held against the digits by one function for all.

HDBSCAN of scikit-learn is quadratic: it gets 10,000 and 20,000 images as well, and with all of them --limit seconds. What is finished is
kept in --work, so that an interrupted run goes on; --again measures some sides anew.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

import digits
import measure
import rivals_cluster

HERE = Path(__file__).parent
# Options of `aesearch cluster`.
K_MEANS = {
    "aesearch k-means": ["--method", "k-means", "--k", "10"],
    "aesearch k-majority": ["--method", "k-majority", "--k", "10"],
    "aesearch k-medoids": ["--method", "k-medoids", "--k", "10"],
}
HDBSCAN = {"aesearch hdbscan": ["--method", "hdbscan"]}
AUTO = {"aesearch k-means auto": ["--method", "k-means", "--k", "auto"], "aesearch k-majority auto": ["--k", "auto"]}
OURS = {**K_MEANS, **HDBSCAN, **AUTO}
FIRST = next(iter(K_MEANS))
SOME = (10_000, 20_000)
QUALITY = ("nmi", "ari", "accuracy", "nmi_clustered", "clusters", "in_none")


class Runs:
    """Runs the sides, and remembers in `work` what they took and found."""

    def __init__(self, args):
        self.aesearch = args.aesearch or measure.build("--bin", "aesearch") / "aesearch"
        self.mnist, self.index, self.limit, self.again = Path(args.mnist).resolve(), args.index, args.limit, args.again
        self.work = Path(args.work or measure.ROOT / "target" / "cluster").resolve()

    def once(self, side, count, threads, seed):
        """{"wall", "cpu", "fit", scores}; nothing where it took too long."""
        folder, index = digits.prepare(self.aesearch, self.mnist, count, self.work, self.index)
        name = f"{side.replace(' ', '-')}.{threads}.{seed}"
        path = folder / f"{name}.json"
        if path.exists() and not (self.again and side.startswith(self.again)):
            return json.loads(path.read_text())
        env = dict.fromkeys(measure.ONE_THREAD, str(threads))
        print(f"{count:,} images, {name}", file=sys.stderr)
        if side in OURS:
            command = [self.aesearch, "cluster", "--index", index, "--seed", seed, "--json", *OURS[side]]
            out, took = measure.run(command, env)
            took["fit"] = json.loads(out)["assign_seconds"]
            found = folder / f"{name}.csv"
            measure.run([*command, "-o", found], env)  # again, since a table takes its time
        else:
            found = folder / f"{name}.npy"
            command = [sys.executable, HERE / "rivals_cluster.py", "fit", side, folder / "latents.npy", seed, found]
            took = within(self.limit, command, env)
        if took:
            out, _ = measure.run([sys.executable, HERE / "rivals_cluster.py", "score", folder / "labels.npy", found])
            took.update(measure.last_json(out))
        path.write_text(json.dumps(took))
        return took


def within(limit, command, env):
    try:
        out, took = measure.run(["timeout", limit, *command], env)
    except SystemExit:
        return None
    said = measure.last_json(out)
    return {**took, "fit": said["fit_wall"], "fit_cpu": said["fit_cpu"]}


def tell(title, found, ours):
    """Times and quality of the sides, each a list of rounds."""
    found = {side: [one for one in rounds if one] for side, rounds in found.items()}
    late = [side for side, rounds in found.items() if not rounds]
    found = {side: rounds for side, rounds in found.items() if rounds}
    tables = []
    for clock, what in (("fit", "labels and centres, wall"), ("wall", "whole process, wall"), ("cpu", "whole process, CPU")):
        values = {side: [one[clock] for one in rounds] for side, rounds in found.items()}
        tables.append(measure.report(f"{title}: {what}", values, ours, "s"))
    print(f"\n{title}: agreement with the digits, median (least to most)\n  {'':28}" + "".join(f"{name:>26}" for name in QUALITY))
    quality = {}
    for side, rounds in found.items():
        quality[side] = {name: [one[name] for one in rounds] for name in QUALITY}
        cells = (f"{statistics.median(v):.4g} ({min(v):.4g} to {max(v):.4g})" for v in quality[side].values())
        print(f"  {side:28}" + "".join(f"{cell:>26}" for cell in cells))
    for side in late:
        print(f"  {side}: no end within the limit")
    return [*tables, {"title": f"{title}: agreement", "quality": quality, "no_end": late}]


def compare(runs, args):
    tables = []
    for threads in args.threads:
        sides = [*K_MEANS, *rivals_cluster.K_MEANS]
        found = {}
        for seed in range(args.rounds):
            for side in sides:
                found.setdefault(side, []).append(runs.once(side, digits.ALL, threads, seed))
        tables += tell(f"70,000 images, 10 clusters, threads: {threads}", found, FIRST)
    threads = args.threads[-1]
    for count in (*SOME, digits.ALL):
        found = {side: [runs.once(side, count, threads, 0)] for side in (*HDBSCAN, rivals_cluster.HDBSCAN)}
        tables += tell(f"{count:,} images, HDBSCAN, threads: {threads}", found, *HDBSCAN)
    found = {side: [runs.once(side, digits.ALL, threads, seed) for seed in range(args.rounds)] for side in AUTO}
    tables += tell(f"70,000 images, --k auto, threads: {threads}", found, next(iter(AUTO)))
    return tables


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", metavar="FOLDER", required=True, help="where MNIST's IDX files are")
    parser.add_argument("--index", metavar="DIR", help="of all images, by digits-64; else it is made")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=lambda text: [int(n) for n in text.split(",")], default=[1, 2])
    parser.add_argument("--limit", type=int, default=600, help="seconds for a run of scikit-learn")
    parser.add_argument("--aesearch", metavar="PROGRAM", help="else it is compiled")
    parser.add_argument("--again", default="", metavar="SIDE", help="measure sides that begin so anew")
    parser.add_argument("--work", metavar="FOLDER", help="latents and finished results (default: below target/)")
    parser.add_argument("--save", metavar="FILE", help="write the raw figures as JSON")
    return parser.parse_args()


def main():
    args = arguments()
    runs = Runs(args)
    tables = compare(runs, args)
    versions = measure.last_json(measure.run([sys.executable, HERE / "rivals_cluster.py", "versions"])[0])
    versions["aesearch"] = subprocess.check_output([runs.aesearch, "--version"], text=True).split()[1]
    measure.save(args.save, tables, versions=versions, rounds=args.rounds)


if __name__ == "__main__":
    main()
