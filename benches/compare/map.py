"""MNIST's 70,000 images in the plane by their latents: `aesearch map` beside openTSNE, and by PCA beside scikit-learn.

    .venv/bin/python benches/compare/map.py --mnist FOLDER [--index DIR] [--rounds 3] [--save FILE]

In turn, always in a fresh process, from the index or the latents to a table of places; round r has seed r on every side. openTSNE runs
with its defaults, which are ours as well: perplexity 30, 250 rounds with an exaggeration of 12 and 500 without. Two times are told: that
of the places alone, neighbours included, and that of the whole process. A map that aesearch keeps beside the index is taken
away before each run. Both are held against the same latents (rivals_map.py). What is finished is kept in --work; --again measures some
sides anew.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import digits
import measure
import rivals_map

HERE = Path(__file__).parent
TSNE = {"aesearch t-SNE": "tsne"}
PCA = {"aesearch PCA": "pca"}
OURS = {**TSNE, **PCA}
QUALITY = ("trustworthiness", "preserved", "label_accuracy")


class Runs:
    """Runs the sides, and remembers in `work` what they took and found."""

    def __init__(self, args):
        self.aesearch = args.aesearch or measure.build("--bin", "aesearch") / "aesearch"
        self.again = args.again
        work = Path(args.work or measure.ROOT / "target" / "cluster").resolve()
        index = Path(args.index).resolve() if args.index else None
        self.folder, self.index = digits.prepare(self.aesearch, Path(args.mnist).resolve(), digits.ALL, work, index)

    def once(self, side, threads, seed):
        """{"wall", "cpu", "fit", scores}"""
        name = f"{side.replace(' ', '-')}.{threads}.{seed}"
        path = self.folder / f"{name}.json"
        if path.exists() and not (self.again and side.startswith(self.again)):
            return json.loads(path.read_text())
        env = dict.fromkeys(measure.ONE_THREAD, str(threads))
        latents, labels = self.folder / "latents.npy", self.folder / "labels.npy"
        print(name, file=sys.stderr)
        if side in OURS:
            found = self.folder / f"{name}.csv"
            shutil.rmtree(self.index / "maps", ignore_errors=True)
            command = [self.aesearch, "map", "--index", self.index, "--method", OURS[side], "--seed", seed, "-o", found]
            out, took = measure.run([*command, "--by", "label", "--json"], env)
            took["fit"] = json.loads(out)["seconds"]
        else:
            found = self.folder / f"{name}.npy"
            out, took = measure.run(rival("place", side, latents, threads, seed, found), env)
            took["fit"] = measure.last_json(out)["fit_wall"]
        took.update(measure.last_json(measure.run(rival("score", latents, labels, found))[0]))
        path.write_text(json.dumps(took))
        return took


def rival(*arguments):
    return [sys.executable, HERE / "rivals_map.py", *arguments]


def tell(title, found, ours):
    """Times and quality of the sides, each a list of rounds."""
    tables = []
    for clock, what in (("fit", "places, wall"), ("wall", "whole process, wall"), ("cpu", "whole process, CPU")):
        values = {side: [one[clock] for one in rounds] for side, rounds in found.items()}
        tables.append(measure.report(f"{title}: {what}", values, ours, "s"))
    print(f"\n{title}: what is kept, median (least to most)\n  {'':28}" + "".join(f"{name:>26}" for name in QUALITY))
    quality = {}
    for side, rounds in found.items():
        quality[side] = {name: [one[name] for one in rounds] for name in QUALITY}
        cells = (f"{statistics.median(v):.4f} ({min(v):.4f} to {max(v):.4f})" for v in quality[side].values())
        print(f"  {side:28}" + "".join(f"{cell:>26}" for cell in cells))
    return [*tables, {"title": f"{title}: what is kept", "quality": quality}]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", metavar="FOLDER", required=True, help="where MNIST's IDX files are")
    parser.add_argument("--index", metavar="DIR", help="of all images, by digits-64, to which its map is written; else it is made")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=lambda text: [int(n) for n in text.split(",")], default=[2])
    parser.add_argument("--aesearch", metavar="PROGRAM", help="else it is compiled")
    parser.add_argument("--again", default="", metavar="SIDE", help="measure sides that begin so anew")
    parser.add_argument("--work", metavar="FOLDER", help="latents and finished results (default: below target/)")
    parser.add_argument("--save", metavar="FILE", help="write the raw figures as JSON")
    return parser.parse_args()


def main():
    args = arguments()
    runs = Runs(args)
    tables = []
    for threads in args.threads:
        for method, sides in (("t-SNE", [*TSNE, "openTSNE"]), ("PCA", [*PCA, "sklearn PCA"])):
            found = {side: [] for side in sides}
            for seed in range(args.rounds):
                for side in sides:
                    found[side].append(runs.once(side, threads, seed))
            tables += tell(f"70,000 images, {method}, threads: {threads}", found, sides[0])
    versions = measure.last_json(measure.run(rival("versions"))[0])
    versions["aesearch"] = subprocess.check_output([runs.aesearch, "--version"], text=True).split()[1]
    measure.save(args.save, tables, versions=versions, rounds=args.rounds)


if __name__ == "__main__":
    main()
