"""The Python module beside the command line, beside Rust, and beside faiss and usearch.

    cargo build --release && cargo bench --no-run --bench code_queries
    maturin build --release --manifest-path python/Cargo.toml --out dist && pip install dist/*.whl faiss-cpu usearch
    python benches/python.py target/release/aesearch target/release/deps/code_queries-* --mnist ../shared/data/mnist

Microseconds are CPU time, summed over the threads, of sides that take turns: the best of the rounds. `encode`: seconds of CPU
time and by the clock to take the 60,000 images of MNIST into an index, by the command from its file, and by Python from an
array; whole processes, and for Python the call of `add` alone. `memory`: of a process that asks 1,000 queries. `codes`:
10,000 queries for 10 neighbours among the 60,000 codes in one call. Each rival gets the least effort that finds as much as
aesearch, ties counted as equal.
"""

import argparse
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

MODEL = "digits-64"
K = 10

ENCODE = """
import sys, time, numpy as np, aesearch
images = np.load(sys.argv[1])
cpu, wall = time.process_time(), time.monotonic()
aesearch.Index.create(sys.argv[2], model=sys.argv[3]).add(images, progress=False)
print(time.process_time() - cpu, time.monotonic() - wall)
"""

MEMORY = """
import resource, sys, numpy as np, aesearch
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 2**20
index, images = aesearch.Index.open(sys.argv[1]), np.load(sys.argv[2])
for n in range(1100):
    index.query(images[n]), index.query_codes(index.codes()[n:n + 100])
    if n in (99, 1099):
        print(resident())
"""


def run(command):
    """The CPU seconds of a process, its seconds by the clock, and what it printed."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    out = subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True).stdout
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall, out


def timed(work):
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def encode(options, work, images):
    np.save(work / "images.npy", images)
    sides = {"command": [], "python": [], "python, add alone": []}
    for round in range(options.rounds):
        source = options.mnist / "train-images-idx3-ubyte.gz"
        command = [options.program, "index", source, "--model", MODEL, "-q", "--index", work / f"command{round}"]
        python = [sys.executable, "-c", ENCODE, work / "images.npy", work / f"python{round}", MODEL]
        *whole, call = run(python)
        sides["python"].append(whole)
        sides["python, add alone"].append(list(map(float, call.split())))
        sides["command"].append(run(command)[:2])
    best = {}
    for n, clock in enumerate(("cpu", "wall")):
        best |= {f"{side}, {clock}": min(took[n] for took in times) for side, times in sides.items()}
        best[f"add alone / command, {clock}"] = best[f"python, add alone, {clock}"] / best[f"command, {clock}"]
    return best


def rivals(codes, bits, queries):
    """Each as (name, efforts, search by effort -> distances [Q, K])."""
    import faiss
    import usearch.index

    flat = faiss.IndexBinaryFlat(bits)
    flat.add(codes)
    yield "faiss flat", [0], lambda _: flat.search(queries, K)[0]
    quantizer = faiss.IndexBinaryFlat(bits)
    inverted = faiss.IndexBinaryIVF(quantizer, bits, 256)
    inverted.train(codes)
    inverted.add(codes)

    def search_inverted(effort):
        inverted.nprobe = effort
        return inverted.search(queries, K)[0]

    yield "faiss IVF", [1, 2, 4, 8, 12, 16, 24, 32, 64, 128, 256], search_inverted
    graph = faiss.IndexBinaryHNSW(bits, 16)
    graph.add(codes)

    def search_graph(effort):
        graph.hnsw.efSearch = effort
        return graph.search(queries, K)[0]

    yield "faiss HNSW", [16, 32, 64, 128, 256, 512, 1024], search_graph
    other = usearch.index.Index(ndim=bits, metric="hamming", dtype="b1")
    other.add(np.arange(len(codes)), codes)

    def search_other(effort):
        other.expansion_search = effort
        return np.asarray(other.search(queries, K).distances)

    yield "usearch", [16, 32, 64, 128, 256, 512, 1024], search_other


def codes(options, work, index, queries):
    collection, results = index.codes().view(np.uint8), {}
    bits, n = index.info["bits"], len(queries)
    (work / "queries.u64").write_bytes(queries.tobytes())
    truth = index.query_codes(queries, k=K, exact=True)[1][:, -1:]
    recall_of = lambda distances: float(np.mean(np.asarray(distances, np.float64) <= truth))

    def rust(recall, rounds):
        command = [options.rust, index.path, work / "queries.u64", K, recall, rounds]
        return run(command)[0]

    calls = 20
    for name, how in (("aesearch .99", {"recall": 0.99}), ("aesearch exact", {"exact": True})):
        recall = how.get("recall", 1)
        sides = {"python": [], "rust": []}
        index.query_codes(queries, k=K, **how)
        for _ in range(options.rounds):
            took, _ = timed(lambda: [index.query_codes(queries, k=K, **how) for _ in range(calls)])
            sides["python"].append(took / calls / n * 1e6)
            sides["rust"].append((rust(recall, calls + 1) - rust(recall, 1)) / calls / n * 1e6)
        found = recall_of(index.query_codes(queries, k=K, **how)[1])
        mine, theirs = min(sides["python"]), min(sides["rust"])
        results[name] = {"recall": found, "us": mine, "us of rust": theirs, "rate of rust": theirs / mine}
    wanted = results["aesearch .99"]["recall"]
    for name, efforts, search in rivals(collection, bits, queries.view(np.uint8)):
        for effort in efforts:
            found = recall_of(search(effort))
            if found >= wanted or effort == efforts[-1]:
                took = min(timed(lambda: search(effort))[0] for _ in range(options.rounds))
                results[name] = {"recall": found, "us": took / n * 1e6, "effort": effort}
                break
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("rust", type=Path)
    parser.add_argument("--mnist", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    import aesearch

    def read(name):
        with gzip.open(options.mnist / name) as file:
            return np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)

    images, tests = read("train-images-idx3-ubyte.gz"), read("t10k-images-idx3-ubyte.gz")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        results = {"cores": os.cpu_count(), "encode": encode(options, work, images)}
        first, last = map(float, run([sys.executable, "-c", MEMORY, work / "python0", work / "images.npy"])[2].split())
        results["memory"] = {"MiB after 100 queries": first, "MiB after 1,100": last}
        index, encoder = aesearch.Index.open(work / "python0"), aesearch.Encoder(MODEL)
        results["codes"] = codes(options, work, index, encoder.codes(encoder.encode(tests, progress=False)))
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
