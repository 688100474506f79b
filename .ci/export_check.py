"""Opens what `aesearch export` writes with the programs it is for, and compares what they see with the images and with aesearch's
own answers: pandas and numpy, faiss, Embedding Atlas (its command line, its server), TensorBoard's Embedding Projector.

usage: python export_check.py AESEARCH FOLDER    FOLDER holds digits/ and an index of them, as `aesearch demo` leaves it

Needs the packages pandas, pyarrow, faiss-cpu, pillow, tensorboard, and embedding-atlas without what it computes embeddings with (see
.ci/run); exits with 1 at the first complaint.
"""

import io
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import faiss
import numpy as np
import pandas as pd
from PIL import Image

QUERIES = 25


class Aesearch:
    """The program, run in a folder."""

    def __init__(self, program, folder):
        self.program, self.folder = pathlib.Path(program).resolve(), folder

    def json(self, *args):
        ran = subprocess.run([self.program, *map(str, args), "--json"], cwd=self.folder, capture_output=True, text=True)
        assert ran.returncode == 0, f"{args}: {ran.returncode}\n{ran.stderr}"
        return json.loads(ran.stdout)


def same(a, b, what):
    assert a == b, f"{what}: expected {b!r}, got {a!r}"


def near(a, b, what, within=1e-5):
    """The same numbers, and none in the same rows."""
    a, b = (np.asarray(numbers, dtype=float) for numbers in (a, b))
    assert np.array_equal(np.isnan(a), np.isnan(b)), f"{what}: numbers in other rows"
    difference = np.max(np.nan_to_num(np.abs(a - b)), initial=0.0)
    assert difference <= within, f"{what}: they differ by {difference}"


def pixels(path):
    return np.asarray(Image.open(path).convert("L"))


def tables(aesearch, work):
    """Five formats with the same rows; gives the table."""
    told = {}
    for end in ["parquet", "csv", "json", "jsonl", "npz"]:
        path = work / f"all.{end}"
        told = aesearch.json("export", "-o", path, "--with", "all")
        same(told["files"][0]["bytes"], path.stat().st_size, f"{path.name}: bytes")
    table = pd.read_parquet(work / "all.parquet")
    same(list(table.columns), told["columns"], "columns")
    digits = sorted(path.relative_to(aesearch.folder).as_posix() for path in aesearch.folder.glob("digits/*/*.png"))
    same(list(table.path), digits, "a row for each image, sorted")
    same(list(table.label), [path.split("/")[1] for path in digits], "labels")
    same(len(table), aesearch.json("info")["images"], "as many as in the index")

    found = aesearch.json("cluster")
    same([int(n) for n in table.cluster.value_counts()], [c["size"] for c in found["clusters"]], "clusters")
    for cluster in found["clusters"]:
        row = table[table.path == cluster["medoid"]].iloc[0]
        same((row.cluster, row.cluster_distance), (cluster["id"], 0), "a medoid")
    odd = aesearch.json("outliers", "--count", 20)
    for one in odd["outliers"]:
        row = table[table.path == one["path"]].iloc[0]
        near(row.outlier_score, one["score"], "score")
        near(row.reconstruction_loss, one["reconstruction_loss"], "loss")
    same(sorted(table[table.suggested_label.notna()].path), sorted(e["path"] for e in odd["label_errors"]), "doubts")
    same(sorted(table[table["flags"].notna()].path), sorted(e["path"] for e in odd["flagged"]), "flags")
    # a digit lies near digits of its kind
    alike = np.mean([table.label[i] == table.label[row.neighbours[0]] for i, row in table.iterrows()])
    assert alike > 0.8, f"nearest neighbours with the same label: {alike}"

    texts = pd.read_csv(work / "all.csv", dtype={"label": str, "code": str, "flags": str, "suggested_label": str})
    same(list(texts.columns), list(table.columns), "columns of CSV")
    records = {"json": json.loads((work / "all.json").read_text())}
    records["jsonl"] = [json.loads(line) for line in (work / "all.jsonl").read_text().splitlines()]
    same(records["json"], records["jsonl"], "JSON and JSON lines")
    array = np.load(work / "all.npz")
    for name in table.columns:
        column, kind = table[name], f"column {name}"
        if name in ("neighbours", "neighbour_distances", "latent"):
            lists = [list(value) for value in column]
            for other in ([json.loads(value) for value in texts[name]], [r[name] for r in records["json"]]):
                same([len(value) for value in other], [len(value) for value in lists], kind)
                near(np.concatenate(other), np.concatenate(lists), kind)
            near(array[name], np.stack(column), kind)
        elif pd.api.types.is_numeric_dtype(column):
            near(texts[name], column, kind)
            near([r[name] for r in records["json"]], column, kind)
            # whole numbers of NumPy have no none
            near(array[name], column.fillna(-1) if array[name].dtype.kind == "i" else column, kind)
        else:
            plain = [value if isinstance(value, str) else None for value in column]
            same([value if isinstance(value, str) else None for value in texts[name]], plain, kind)
            same([r[name] for r in records["json"]], plain, kind)
            same([value.decode() for value in array[name]], [value or "" for value in plain], kind)
    near(np.linalg.norm(np.stack(table.latent), axis=1), np.ones(len(table)), "length of latents")
    return table


def faiss_indexes(aesearch, work, table):
    folder = work / "faiss"
    aesearch.json("export", "--to", "faiss", "-o", folder)
    names = pd.read_csv(folder / "images.csv", dtype={"label": str})
    same(list(names.row), list(range(len(table))), "rows")
    same(list(names.path), list(table.path), "paths")

    binary = faiss.read_index_binary(str(folder / "codes.faiss"))
    codes = np.stack([np.frombuffer(bytes.fromhex(code), dtype=np.uint8) for code in table.code])
    same((binary.ntotal, binary.d), (len(table), 8 * codes.shape[1]), "codes")
    near(faiss.vector_to_array(binary.xb).reshape(codes.shape), codes, "codes")
    rows = np.linspace(0, len(table) - 1, QUERIES).astype(int)
    distances, hits = binary.search(codes[rows], 10)
    asked = aesearch.json("query", *table.path[rows], "--exact", "--k", 10, "--rerank", 0)["queries"]
    for row, found, ids, answer in zip(rows, distances, hits, asked):
        same(list(found), [hit["distance"] for hit in answer["hits"]], f"distances of {table.path[row]}")
        nearer = [hit["path"] for hit in answer["hits"] if hit["distance"] < found[-1]]
        same({table.path[i] for i, d in zip(ids, found) if d < found[-1]}, set(nearer), "what is nearer than the last")

    flat = faiss.read_index(str(folder / "latents.faiss"))
    same((flat.ntotal, flat.metric_type), (len(table), faiss.METRIC_INNER_PRODUCT), "latents")
    latents = np.stack(table.latent)
    near(flat.reconstruct_n(0, len(table)), latents, "latents")
    cosines, hits = flat.search(latents, 11)
    shared = 0
    for row, (found, ids) in enumerate(zip(cosines, hits)):
        exact = {int(i): 1 - cosine for i, cosine in zip(ids, found)}
        ours = dict(zip(map(int, table.neighbours[row]), table.neighbour_distances[row]))
        shared += len(ours.keys() & exact.keys())
        both = sorted(ours.keys() & exact.keys())
        near([ours[i] for i in both], [exact[i] for i in both], f"neighbours of {table.path[row]}")
    recall = shared / (10 * len(table))
    assert recall > 0.95, f"neighbours found: {recall}"
    return f"{QUERIES} queries equal, recall of neighbours {recall:.4f}"


def embedding_atlas(aesearch, work, table):
    path = work / "atlas.parquet"
    aesearch.json("export", "--to", "embedding-atlas", "-o", path)
    data = pd.read_parquet(path)
    near(data.projection_x, table.x, "x")
    for row in range(len(data)):
        same(list(data.neighbors[row]["ids"]), list(table.neighbours[row]), "neighbours")
        near(data.neighbors[row]["distances"], table.neighbour_distances[row], "distances")
        image = data.image[row]
        same(image["path"], table.path[row], "path of a picture")
        seen = np.asarray(Image.open(io.BytesIO(image["bytes"])).convert("L"))
        assert np.array_equal(seen, pixels(aesearch.folder / table.path[row])), f"picture of {table.path[row]}"

    command = [sys.executable, "-m", "embedding_atlas.cli", path, "--x", "projection_x", "--y", "projection_y"]
    command += ["--neighbors", "neighbors", "--image", "image", "--pagerank", "silhouette"]
    environment = os.environ | {"XDG_CACHE_HOME": str(work / "cache")}
    subprocess.run([*command, "--export-application", work / "atlas"], check=True, env=environment, stdout=subprocess.DEVNULL)
    props = json.loads((work / "atlas/data/metadata.json").read_text())["props"]["data"]
    same(props["projection"], {"x": "projection_x", "y": "projection_y"}, "projection")
    same((props["neighbors"], props["image"]), ("neighbors", "image"), "columns")
    kept = pd.read_parquet(work / "atlas/data/dataset.parquet")
    same(list(kept.path), list(table.path), "rows of the exported application")
    assert (work / "atlas/index.html").is_file()

    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [*command, "--port", str(port), "--no-auto-port"], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        def ask(where, body=None):
            request = urllib.request.Request(f"http://localhost:{port}/{where}", data=body and json.dumps(body).encode())
            return urllib.request.urlopen(request, timeout=30).read()

        for _ in range(300):
            try:
                page = ask("")
                break
            except urllib.error.URLError:
                assert server.poll() is None, "the server ended"
                time.sleep(0.1)
        assert b"<html" in page.lower()
        sql = "SELECT path, cluster, neighbors.ids[1] AS nearest, octet_length(image.bytes) AS size FROM dataset ORDER BY path"
        answer = json.loads(ask("data/query", {"type": "json", "sql": sql}))
        same([row["path"] for row in answer], list(table.path), "paths by SQL")
        same([int(row["cluster"]) for row in answer], list(table.cluster), "clusters by SQL")
        same([row["nearest"] for row in answer], [n[0] for n in table.neighbours], "nearest by SQL")
        assert all(row["size"] > 60 for row in answer)
    finally:
        server.terminate()
        server.wait()
    return "its command line, its server"


def projector(aesearch, work, table):
    from tensorboard.plugins import base_plugin
    from tensorboard.plugins.projector.projector_plugin import ProjectorPlugin
    from werkzeug.test import Client

    class NoRuns:
        def list_runs(self, _context, *, experiment_id):
            return []

    folder = work / "projector"
    aesearch.json("export", "--to", "tensorboard", "-o", folder)
    apps = ProjectorPlugin(base_plugin.TBContext(logdir=str(folder), data_provider=NoRuns())).get_plugin_apps()

    def ask(where, **query):
        answer = Client(apps[where]).get("/", query_string=query)
        same(answer.status_code, 200, where)
        return answer.get_data()

    same(json.loads(ask("/runs")), ["."], "runs")
    [embedding] = json.loads(ask("/info", run="."))["embeddings"]
    which = {"run": ".", "name": embedding["tensorName"]}
    same(embedding["tensorShape"], [len(table), len(table.latent[0])], "shape")
    vectors = np.frombuffer(ask("/tensor", **which), dtype=np.float32).reshape(embedding["tensorShape"])
    near(vectors, np.stack(table.latent), "vectors")
    [head, *lines] = ask("/metadata", **which).decode().splitlines()
    rows = [dict(zip(head.split("\t"), line.split("\t"))) for line in lines]
    same([row["path"] for row in rows], list(table.path), "paths")
    same([int(row["cluster"]) for row in rows], list(table.cluster), "clusters")
    near([float(row["outlier_score"]) for row in rows], table.outlier_score, "scores")
    sprite = np.asarray(Image.open(io.BytesIO(ask("/sprite_image", **which))).convert("L"))
    width, height = embedding["sprite"]["singleImageDim"]
    assert max(sprite.shape) <= 8192
    across = sprite.shape[1] // width  # as the projector counts them
    for row, path in enumerate(table.path):
        top, left = row // across * height, row % across * width
        tile = sprite[top : top + height, left : left + width]
        assert np.array_equal(tile, pixels(aesearch.folder / path)), f"tile {row} is not {path}"
    return f"{len(rows)} tiles of {width}x{height} in {sprite.shape[1]}x{sprite.shape[0]}"


def main(program, folder):
    aesearch = Aesearch(program, pathlib.Path(folder).resolve())
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        table = tables(aesearch, work)
        print(f"ok   pandas {pd.__version__}, numpy {np.__version__}: {len(table)} rows, {len(table.columns)} columns, 5 formats")
        from importlib.metadata import version

        checks = {"faiss-cpu": faiss_indexes, "embedding-atlas": embedding_atlas, "tensorboard": projector}
        for package, check in checks.items():
            print(f"ok   {package} {version(package)}: {check(aesearch, work, table)}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
