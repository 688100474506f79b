"""Retrieval on photos: the shipped model `photos` beside EfficientNet-Lite0 as a foreign encoder, and how fast both
run beside onnxruntime in Python.

    python benches/photos.py AESEARCH LITE0.onnx FOLDER... > benches/runs/photos.json

Each FOLDER holds `db/` and `q/`, images in a folder for each label; photo_splits.py makes them. The speed is measured on the `db/` of the first
one, on one thread, in alternation, as wall time of an idle machine.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

FOREIGN = ["--model-size", "224", "--model-mean", "0.498", "--model-std", "0.502", "--model-bits", "128"]
CODES = [("itq", 64), ("itq", 128), ("itq", 256), ("learned", 64), ("learned", 128)]
FIGURES = ["map_all", "precision_10", "knn10_accuracy", "reranked_knn10_accuracy"]


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command}: {done.stderr}")
    return json.loads(done.stdout)


def quality(program, lite0, folder, queries, work):
    rows = []

    def judge(index, model, binarizer, bits):
        found = run(program, "eval", folder / "q", "--index", index, "--max-queries", queries, "--json", "-q")
        row = {figure: round(found[figure], 4) for figure in FIGURES}
        latents = {figure: round(found["baselines"]["latents"][figure], 4) for figure in FIGURES[:2]}
        rows.append({"model": model, "binarizer": binarizer, "bits": bits, **row, "latents": latents})
        return found["queries"]

    index = work / f"{folder.name}-photos"
    for at, (binarizer, bits) in enumerate(CODES):
        how = ["--refit"] if at else ["--model", "photos"]
        coded = ["--binarizer", binarizer, "--bits", bits, "--index", index, "--json", "-q"]
        made = run(program, "index", folder / "db", *how, *coded)
        judge(index, "photos", binarizer, bits)
    index = work / f"{folder.name}-lite0"
    coded = ["--binarizer", "itq", "--bits", 128, "--index", index, "--json", "-q"]
    run(program, "index", folder / "db", "--model", lite0, *FOREIGN, *coded)
    judged = judge(index, "efficientnet-lite0", "itq", 128)
    return {"set": folder.name, "images": made["images"], "queries": judged, "rows": rows}


def of_python(encoder, images, batch):
    """Seconds that onnxruntime takes for so many images."""
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(encoder, options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0].name
    pixels = numpy.random.default_rng(0).random((batch, 3, 224, 224), dtype=numpy.float32)
    session.run(None, {entry: pixels})
    start = time.perf_counter()
    for _ in range(images // batch):
        session.run(None, {entry: pixels})
    return time.perf_counter() - start


def speed(program, encoder, folder, rounds, work):
    ours, theirs = [], []
    for at in range(rounds):
        index = work / f"speed-{at}"
        coded = ["--model", "photos", "--binarizer", "itq", "--threads", 1, "--index", index, "--json", "-q"]
        made = run(program, "index", folder, *coded)
        ours.append(made["stages"]["encode"] / made["encoded"])
        theirs.append(of_python(encoder, 400, 2) / 400)
    ratios = [b / a for a, b in zip(ours, theirs)]
    milliseconds = {"ours": ours, "onnxruntime": theirs}
    return {
        "images": made["encoded"],
        "milliseconds": {name: [round(1000 * x, 3) for x in values] for name, values in milliseconds.items()},
        "throughput_ratio": {"median": statistics.median(ratios), "least": min(ratios), "most": max(ratios)},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("lite0", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--queries", type=int, default=800)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--encoder", type=Path, default=Path("models/photos/photos/encoder.onnx"))
    parser.add_argument("--speed-only", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        fast = speed(args.program, args.encoder, args.folders[0] / "db", args.rounds, work)
        sets = [] if args.speed_only else [
            quality(args.program, args.lite0, folder, args.queries, work) for folder in args.folders
        ]
    machine = {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    print(json.dumps({"machine": machine, "speed": fast, "sets": sets}, indent=1))


if __name__ == "__main__":
    main()
