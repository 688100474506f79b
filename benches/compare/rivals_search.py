"""The rivals of search.py, each through the fastest call that its manual offers. One verb per process, lines of JSON out.

    rivals_search.py truth FOLDER BITS            exact distances of the 10th neighbours, by faiss
    rivals_search.py build FOLDER BITS SIDE       builds, saves; CPU seconds, bytes per item of the file
    rivals_search.py sweep FOLDER BITS SIDE       loads, searches at rising effort; time per query, recall
    rivals_search.py flat FOLDER BITS             faiss's whole scan, its four ways

FOLDER holds base.u64 and queries.u64, [n, bits / 64] u64, little-endian. Items found count as the distances of their codes,
computed here: what a rival says of them is not used. CPU time of the process, which has one thread.
"""

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np

K = 10
M, EF_CONSTRUCTION = 16, 128
EFS = (10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
PROBES = (1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256)
ENOUGH = 0.9995  # harder searches than the first of this recall are not looked at
FLAT_QUERIES = 200

HNSW_M = {"faiss hnsw 16": 16, "faiss hnsw 32": 32}
IVF_LISTS = {"faiss ivf 256": 256, "faiss ivf 1024": 1024, "faiss ivf 4096": 4096}
SIDES = (*HNSW_M, *IVF_LISTS, "usearch", "hnswlib")


def say(**facts):
    print(json.dumps(facts), flush=True)


def codes(path, bits):
    """[n, bits / 8] bytes"""
    return np.fromfile(path, np.uint8).reshape(-1, bits // 8)


def as_floats(codes):
    return np.unpackbits(codes, axis=1, bitorder="little").astype(np.float32)


def faiss_with_one_thread():
    import faiss

    faiss.omp_set_num_threads(1)
    return faiss


def time_us(search, queries, budget):
    """(best, median) microseconds per query of as many searches as fit the budget, 3 at least unless they are slow."""
    seconds, begin = [], time.perf_counter()
    while True:
        start = time.process_time()
        search(queries)
        seconds.append(time.process_time() - start)
        spent = time.perf_counter() - begin
        if spent >= 6 * budget or (len(seconds) >= 3 and spent >= budget):
            break
    us = sorted(1e6 * s / len(queries) for s in seconds)
    return us[0], us[len(us) // 2]


def one_by_one(search, queries):
    """A call per query, as a service that answers one user at a time has it; the interpreter's part included."""
    for i in range(len(queries)):
        search(queries[i : i + 1])


def recall(ids, base, queries, truth):
    """Share of the 10 neighbours found, ties counted as equal; an item counts once, a missing one not at all."""
    ids = np.asarray(ids).astype(np.int64)
    found = 0
    for mine, query, last in zip(ids, queries, truth):
        mine = np.unique(mine[(mine >= 0) & (mine < len(base))])
        found += int((np.bitwise_count(base[mine] ^ query).sum(axis=1) <= last).sum())
    return found / (len(queries) * K)


# Building.


def build_faiss(side, base, bits):
    faiss = faiss_with_one_thread()
    if side in HNSW_M:
        index = faiss.IndexBinaryHNSW(bits, HNSW_M[side])
        index.hnsw.efConstruction = EF_CONSTRUCTION
    else:
        index = faiss.IndexBinaryIVF(faiss.IndexBinaryFlat(bits), bits, IVF_LISTS[side])
        index.own_fields = False
        index.cp.max_points_per_centroid = 64
        index.train(base)
    index.add(base)
    return index, lambda path: faiss.write_index_binary(index, path)


def build_usearch(_, base, bits):
    from usearch.index import Index

    index = Index(ndim=bits, metric="hamming", dtype="b1", connectivity=M, expansion_add=EF_CONSTRUCTION)
    index.add(np.arange(len(base)), base, threads=1)
    return index, index.save


def build_hnswlib(_, base, bits):
    import hnswlib

    index = hnswlib.Index("l2", bits)
    index.init_index(len(base), M=M, ef_construction=EF_CONSTRUCTION)
    index.set_num_threads(1)
    for at in range(0, len(base), 1 << 16):  # floats of all bits at once would be another copy of the data
        index.add_items(as_floats(base[at : at + (1 << 16)]), num_threads=1)
    return index, index.save_index


BUILDERS = {"usearch": build_usearch, "hnswlib": build_hnswlib}


def build(folder, bits, side):
    base = codes(folder / "base.u64", bits)
    builder = BUILDERS.get(side, build_faiss)
    start = time.process_time()
    _, save = builder(side, base, bits)
    seconds = time.process_time() - start
    path = index_file(folder, side)
    save(str(path))
    say(build_s=seconds, bytes_per_item=path.stat().st_size / len(base))


def index_file(folder, side):
    return folder / f"{side.replace(' ', '-')}.index"


# Searching: each returns search(queries) -> ids, and set(effort).


def open_faiss(side, path, bits):
    faiss = faiss_with_one_thread()
    start = time.perf_counter()
    index = faiss.read_index_binary(path)
    open_ms = 1000 * (time.perf_counter() - start)

    def harder(effort):
        if side in IVF_LISTS:
            index.nprobe = effort
        else:
            index.hnsw.efSearch = effort

    return lambda queries: index.search(queries, K)[1], harder, open_ms


def open_usearch(_, path, bits):
    from usearch.index import Index

    start = time.perf_counter()
    index = Index.restore(path, view=True)
    open_ms = 1000 * (time.perf_counter() - start)

    def harder(effort):
        index.expansion_search = effort

    def search(queries):
        # of one query it returns the matches, of more a table of them
        return index.search(queries, K, threads=1).keys

    return search, harder, open_ms


def open_hnswlib(_, path, bits):
    import hnswlib

    index = hnswlib.Index("l2", bits)
    start = time.perf_counter()
    index.load_index(path)
    open_ms = 1000 * (time.perf_counter() - start)
    index.set_num_threads(1)
    return lambda queries: index.knn_query(queries, K, num_threads=1)[0], index.set_ef, open_ms


OPENERS = {"usearch": open_usearch, "hnswlib": open_hnswlib}


def sweep(folder, bits, side, budget):
    base, queries = codes(folder / "base.u64", bits), codes(folder / "queries.u64", bits)
    truth = np.fromfile(folder / "truth.i32", np.int32)
    search, harder, open_ms = OPENERS.get(side, open_faiss)(side, str(index_file(folder, side)), bits)
    say(open_ms=open_ms)
    asked = as_floats(queries) if side == "hnswlib" else queries
    name, efforts = ("nprobe", PROBES) if side in IVF_LISTS else ("ef", EFS)
    for effort in efforts:
        if side in IVF_LISTS and effort > IVF_LISTS[side]:
            break
        harder(effort)
        got = recall(search(asked), base, queries, truth)
        for way, ask in (("many", search), ("single", lambda some: one_by_one(search, some))):
            best, median = time_us(ask, asked, budget)
            say(at=f"{name} {effort}", way=way, recall=got, us_best=best, us=median)
        if got >= ENOUGH:
            break


# The whole scan.


def truth(folder, bits):
    faiss = faiss_with_one_thread()
    index = faiss.IndexBinaryFlat(bits)
    index.add(codes(folder / "base.u64", bits))
    distances, _ = index.search(codes(folder / "queries.u64", bits), K)
    distances[:, K - 1].astype(np.int32).tofile(folder / "truth.i32")
    say(queries=len(distances))


def flat(folder, bits, budget):
    faiss = faiss_with_one_thread()
    index = faiss.IndexBinaryFlat(bits)
    index.add(codes(folder / "base.u64", bits))
    queries = codes(folder / "queries.u64", bits)[:FLAT_QUERIES]
    found = {}
    for kind in ("heap", "counting"):
        index.use_heap = kind == "heap"

        def search(some):
            return index.search(some, K)

        found[f"many, {kind}"] = time_us(search, queries, budget)[0]
        found[f"single, {kind}"] = time_us(lambda some: one_by_one(search, some), queries, budget)[0]
    say(us=found)


def versions():
    """What is installed, and the instructions it was compiled for or picks."""
    import importlib.metadata

    import faiss
    from usearch.index import Index

    found = {name: importlib.metadata.version(name) for name in ("faiss-cpu", "usearch", "hnswlib", "numpy")}
    acceleration = Index(ndim=64, metric="hamming", dtype="b1").hardware_acceleration
    return {**found, "faiss options": faiss.get_compile_options().strip(), "usearch hamming": acceleration}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("verb", choices=("truth", "build", "sweep", "flat", "versions"))
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("bits", type=int, nargs="?")
    parser.add_argument("side", choices=SIDES, nargs="?")
    parser.add_argument("--budget", type=float, default=0.3, help="seconds per measured point")
    args = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    task = args.folder, args.bits
    match args.verb:
        case "truth":
            truth(*task)
        case "build":
            build(*task, args.side)
        case "sweep":
            sweep(*task, args.side, args.budget)
        case "flat":
            flat(*task, args.budget)
        case "versions":
            say(**versions())


if __name__ == "__main__":
    main()
