"""Indexing and querying image files, whole processes, one thread: aesearch beside Pillow + onnxruntime + faiss.

    .venv/bin/python benches/compare/index.py IMAGES-IDX3-UBYTE.gz [--rounds 5] [--images 10000] [--save FILE]

Writes the images of an IDX file (MNIST's test set, say) as PNG files once, then, in turn and always in a fresh process:

- index: read every file, decode, encode with the same encoder.onnx in batches of 256, binarize, build the index, write it.
  The rival with faiss's HNSW over binary codes, and with its flat binary index, which builds nothing.
- query: open the index from disk, encode one image, find its 10 nearest, print them.

Each side runs on the ONNX Runtime that it finds by itself, unless --same-runtime gives aesearch the rival's library (a newer
one takes longer to load, and a query is mostly loading). The rival does less: it keeps no hashes or times of files for the next run, no
latents for re-ranking and no checksums.
"""

import argparse
import gzip
import json
import shutil
import sys
import tempfile
from pathlib import Path

import measure

OURS = "aesearch"
RIVALS = ("faiss hnsw", "faiss flat")
BATCH = 256


# The rival: a script as one would write it.


def encoder(path):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def codes_of(session, files):
    import numpy as np
    from PIL import Image

    images = np.empty((len(files), 1, 28, 28), np.float32)
    for i, file in enumerate(files):
        with Image.open(file) as image:
            images[i, 0] = np.asarray(image.convert("L"))
    images /= 255
    latents = session.run(["latent"], {"image": images})[0]
    return np.packbits(latents > 0, axis=1)


def rival_index(model, folder, kind, out):
    import faiss
    import numpy as np

    faiss.omp_set_num_threads(1)
    session = encoder(model)
    files = sorted(str(path) for path in Path(folder).rglob("*.png"))
    codes = [codes_of(session, files[at : at + BATCH]) for at in range(0, len(files), BATCH)]
    codes = np.concatenate(codes)
    bits = codes.shape[1] * 8
    index = faiss.IndexBinaryHNSW(bits, 16) if kind == "faiss hnsw" else faiss.IndexBinaryFlat(bits)
    index.add(codes)
    faiss.write_index_binary(index, f"{out}/codes.faiss")
    Path(out, "files.json").write_text(json.dumps(files))


def rival_query(model, file, out):
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.read_index_binary(f"{out}/codes.faiss")
    files = json.loads(Path(out, "files.json").read_text())
    distances, ids = index.search(codes_of(encoder(model), [file]), 10)
    for distance, item in zip(distances[0], ids[0]):
        print(distance, files[item])


# The comparison.


def write_images(idx, folder, count):
    """The first `count` images of an IDX file as PNG files, all in one folder; nothing when they are there."""
    import numpy as np
    from PIL import Image

    opened = gzip.open(idx) if str(idx).endswith(".gz") else open(idx, "rb")
    with opened as file:
        head = np.frombuffer(file.read(16), ">i4")
        if head[0] != 2051 or count > head[1]:
            sys.exit(f"{idx}: expected an IDX file of {count} or more images, got {head.tolist()}")
        images = np.frombuffer(file.read(count * head[2] * head[3]), np.uint8).reshape(count, head[2], head[3])
    folder.mkdir(parents=True, exist_ok=True)
    for i, image in enumerate(images):
        path = folder / f"{i:05}.png"
        if not path.exists():
            Image.fromarray(image).save(path)


def shared_library():
    """The library inside this interpreter's onnxruntime, for aesearch to use as well."""
    import onnxruntime

    folder = Path(onnxruntime.__file__).parent / "capi"
    found = sorted(folder.glob("libonnxruntime.so.1.*")) + sorted(folder.glob("libonnxruntime.1.*.dylib"))
    return {"ORT_DYLIB_PATH": str(found[0])} if found else {}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("idx", nargs="?", help="images in IDX format, .gz or not")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", default="models/digits-64", help="a model folder")
    parser.add_argument("--same-runtime", action="store_true", help="aesearch loads the rival's ONNX Runtime")
    parser.add_argument("--save", metavar="FILE", help="write the raw figures as JSON")
    parser.add_argument("--worker", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        return {"index": rival_index, "query": rival_query}[args.worker[0]](*args.worker[1:])
    if not args.idx:
        parser.error("which images? MNIST's t10k-images-idx3-ubyte.gz is the usual file")

    import faiss
    import onnxruntime
    import PIL

    aesearch = measure.build("--bin", "aesearch") / "aesearch"
    model = (measure.ROOT / args.model).resolve()
    script = [sys.executable, __file__, "--worker"]
    env = shared_library() if args.same_runtime else {}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        images, query = work / "images", work / "query.png"
        write_images(args.idx, images, args.images)
        shutil.copy(images / "00000.png", query)

        def index(name):
            out = work / name.replace(" ", "-")
            shutil.rmtree(out, ignore_errors=True)
            if name == OURS:
                command = [aesearch, "index", images, "--index", out, "--model", model, "--threads", 1, "-q"]
            else:
                out.mkdir()
                command = [*script, "index", model / "encoder.onnx", images, name, out]
            return measure.run(command, env)[1]

        def ask(name):
            out = work / name.replace(" ", "-")
            if name == OURS:
                command = [aesearch, "query", query, "--index", out, "-k", 10, "-q"]
            else:
                command = [*script, "query", model / "encoder.onnx", query, out]
            return measure.run(command, env)[1]

        contestants = [OURS, *RIVALS]
        found = {"index": measure.alternate(args.rounds, contestants, index)}
        found["query"] = measure.alternate(4 * args.rounds, contestants, ask)
    tables = []
    for what, title in (("index", f"index {args.images} PNG files"), ("query", "one query, whole process")):
        for clock in ("wall", "cpu"):
            values = {name: [one[clock] for one in all_] for name, all_ in found[what].items()}
            unit = "s" if what == "index" else "ms"
            scale = 1 if what == "index" else 1000
            tables.append(measure.report(f"{title}, {clock} time", values, OURS, unit, scale))
    versions = {"onnxruntime": onnxruntime.__version__, "faiss": faiss.__version__, "pillow": PIL.__version__}
    print("\n" + ", ".join(f"{name} {version}" for name, version in versions.items()))
    measure.save(args.save, tables, versions=versions)


if __name__ == "__main__":
    main()
