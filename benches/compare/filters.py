"""Searches with a filter, beside usearch's predicate and faiss' IDSelector, over the same codes.

    python filters.py PROGRAM FOLDER [--items N] [--usearch PROGRAM] [--out FILE]

PROGRAM is the bench `filters` of the crate aesearch-index, `--usearch` names `usearch_filter.cpp`, compiled against
usearch's headers. Codes of 128 bits are drawn once into FOLDER. At random pass 50, 5, 0.5 and 0.05 % of them; `clusters`
passes the codes within 40 bits of a few centres, so that filter and query have to do with each other. Times are CPU
time of one thread per query.
"""

import argparse
import json
import platform
import subprocess
import sys
import time
from pathlib import Path

import faiss
import numpy as np

BITS, K, QUERIES = 128, 10, 200
SHARES = {"50": 0.5, "5": 0.05, "0.5": 0.005, "0.05": 0.0005}


def lines(command):
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def masks(folder, base):
    random, found = np.random.default_rng(7), {}
    for name, share in SHARES.items():
        found[name] = (random.random(len(base)) < share).astype(np.uint8)
    near = np.zeros(len(base), np.uint8)
    table = np.array([bin(i).count("1") for i in range(256)], np.uint8)
    for centre in base[random.integers(0, len(base), 200)]:
        near |= table[base ^ centre].sum(1) <= 24
    found["clusters"] = near
    for name, mask in found.items():
        mask.tofile(folder / f"mask-{name}")
    return found


def of_faiss(base, queries, found):
    faiss.omp_set_num_threads(1)
    flat = faiss.IndexBinaryFlat(BITS)
    flat.add(base)
    quantizer = faiss.IndexBinaryFlat(BITS)
    lists = 4096 if len(base) > 100_000 else 256
    ivf = faiss.IndexBinaryIVF(quantizer, BITS, lists)
    began = time.perf_counter()
    ivf.train(base[:: max(1, len(base) // 100_000)])
    ivf.add(base)
    build = time.perf_counter() - began
    for name, mask in found.items():
        selector = faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
        passing = np.flatnonzero(mask)
        table = np.array([bin(i).count("1") for i in range(256)], np.uint8)
        last = [np.partition(table[base[passing] ^ query].sum(1), K - 1)[K - 1] for query in queries]
        for probes in (16, 64, 256, 1024):
            parameters = faiss.SearchParametersIVF(sel=selector, nprobe=probes)
            began = time.thread_time()
            try:
                distances, _ = ivf.search(queries, K, params=parameters)
            except Exception as error:  # which searches take a selector differs from version to version
                yield {"rival": "faiss IVF", "mask": name, "error": str(error).splitlines()[-1]}
                break
            us = (time.thread_time() - began) * 1e6 / len(queries)
            recall = np.mean([(row[row >= 0] <= bound).sum() / K for row, bound in zip(distances, last)])
            yield {"rival": "faiss IVF", "mask": name, "passing": int(mask.sum()), "probes": probes,
                   "recall": float(recall), "us": us, "build_s": build}
        some = queries[:20]
        began = time.thread_time()
        try:
            flat.search(some, K, params=faiss.SearchParameters(sel=selector))
        except Exception as error:
            yield {"rival": "faiss flat", "mask": name, "error": str(error).splitlines()[-1]}
            continue
        us = (time.thread_time() - began) * 1e6 / len(some)
        yield {"rival": "faiss flat", "mask": name, "passing": int(mask.sum()), "us": us}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--usearch")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    folder = asked.folder
    folder.mkdir(parents=True, exist_ok=True)
    index, base, queries = (folder / name for name in ("index", "base", "queries"))
    if not base.exists():
        subprocess.run([asked.program, "make", str(asked.items), str(BITS), index, base, queries], check=True)
    codes, asking = (np.fromfile(path, np.uint8).reshape(-1, BITS // 8) for path in (base, queries))
    found = masks(folder, codes)
    paths = [str(folder / f"mask-{name}") for name in found]
    runs = lines([asked.program, "run", index, queries, *paths])
    if asked.usearch:
        runs += lines([asked.usearch, base, queries, *paths])
    runs += of_faiss(codes, asking, found)
    for run in runs:
        run["mask"] = Path(run["mask"]).name.removeprefix("mask-")
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    record = {"machine": {"cpu": cpu, "system": platform.platform()}, "command": " ".join(sys.argv[:1] + ["PROGRAM", "FOLDER"]),
              "items": len(codes), "bits": BITS, "faiss": faiss.__version__, "runs": runs}
    text = json.dumps(record, indent=1)
    print(text)
    if asked.out:
        asked.out.write_text(text + "\n")


main()
