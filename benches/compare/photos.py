"""Indexing photos of 12 megapixels and of some 400 pixels, whole processes in alternation: CPU time, memory, stages.

    .venv/bin/python benches/compare/photos.py ORIGINAL_SIZE.tar [--before PROGRAM] [--save benches/runs/photos-large.json]

The large photos are those of the archive, each tiled 3 x 3 with eight others and enlarged to 4000 x 3000 with grain, as
JPEG of quality 92 with colour of a quarter of the pixels and the EXIF of a camera; the small ones are the archive's own
files. "Pillow" is what a user of Pillow, onnxruntime and faiss would write: `draft` to at least half as many pixels again
as the model takes, as aesearch does, resized, encoded by the same model on the same number of threads, the codes
put into an IndexBinaryFlat. imagededup's pHash and czkawka encode nothing, and are given the same files. `--before` is
another build of aesearch. These three run once, as they take longer. Needs Pillow, numpy, onnxruntime and faiss; imagededup and
czkawka_cli are left out where missing.
"""

import argparse
import concurrent.futures
import importlib.metadata
import importlib.util
import io
import json
import random
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

import measure

MODELS = {"photos-128": "thumbnails/photos-128", "photos": "photos/photos"}
OURS = "aesearch"
MEGAPIXELS_12 = (4000, 3000)


def members(archive):
    """The pictures of the archive, (name, bytes), in a shuffled order that is the same every time."""
    with tarfile.open(archive) as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar.getmembers() if member.isfile()}
    names = sorted(files)
    random.Random(0).shuffle(names)
    return [(name, files[name]) for name in names]


def make_large(archive, n, folder):
    from PIL import Image, ImageChops

    folder.mkdir(parents=True)
    files = members(archive)
    for number in range(n):
        photo = Image.new("RGB", MEGAPIXELS_12)
        for tile in range(9):
            _, data = files[(number * 9 + tile) % len(files)]
            place = Image.open(io.BytesIO(data)).convert("RGB").resize((1334, 1000), Image.BICUBIC)
            photo.paste(place, (tile % 3 * 1333, tile // 3 * 1000))
        grain = Image.effect_noise((1000, 750), 24).resize(MEGAPIXELS_12, Image.BICUBIC)
        photo = ImageChops.add(photo, Image.merge("RGB", [grain] * 3), 1, -128)
        exif = Image.Exif()
        exif[0x010F], exif[0x0110], exif[0x0132], exif[0x0112] = "Maker", "Model", f"2024:06:01 12:00:{number % 60:02}", 1
        photo.save(folder / f"IMG_{number:04}.jpg", quality=92, subsampling=2, exif=exif)


def make_small(archive, n, folder):
    folder.mkdir(parents=True)
    for number, (_, data) in enumerate(members(archive)[:n]):
        (folder / f"{number:04}.jpg").write_bytes(data)


def rival(encoder, folder, threads):
    import faiss
    import numpy as np
    import onnxruntime as ort
    from PIL import Image

    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = ort.InferenceSession(encoder, options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    _, channels, height, width = entry.shape
    mode = "RGB" if channels == 3 else "L"

    def read(path):
        image = Image.open(path)
        image.draft(mode, (width * 3 // 2, height * 3 // 2))
        pixels = np.asarray(image.convert(mode).resize((width, height), Image.BILINEAR))
        return pixels.transpose(2, 0, 1) if channels == 3 else pixels[None]

    paths, batch, codes = sorted(Path(folder).iterdir()), 64 if width < 100 else 2, []
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        # a few batches ahead, not all
        for start in range(0, len(paths), 16 * batch):
            pictures = list(pool.map(read, paths[start : start + 16 * batch]))
            for at in range(0, len(pictures), batch):
                stacked = np.stack(pictures[at : at + batch]).astype(np.float32) / 255
                codes.append(np.packbits(session.run(None, {entry.name: stacked})[0][:, :128] > 0, axis=1))
    index = faiss.IndexBinaryFlat(128)
    index.add(np.concatenate(codes))
    faiss.write_index_binary(index, tempfile.mktemp())


def commands(args, model, folder, threads, work):
    """What each contestant runs, by its name."""
    encoder = measure.ROOT / "models" / MODELS[model] / "encoder.onnx"
    # codes that need no training, so that images alone are measured
    options = ["--model", model, "--threads", threads, "--binarizer", "sign" if model == "photos-128" else "itq", "-q", "--json"]

    def ours(program):
        return [program, "index", folder, "--index", Path(tempfile.mkdtemp(dir=work)) / "ix", *options]

    found = {OURS: ours(args.aesearch), "Pillow": [sys.executable, __file__, "rival", encoder, folder, threads]}
    if args.before:
        found["before"] = ours(args.before)
    if model == "photos-128" and importlib.util.find_spec("imagededup"):
        script = Path(__file__).with_name("rivals_dedupe.py")
        found["imagededup pHash"] = [sys.executable, script, "hashes", "imagededup phash", folder, work, threads]
    if model == "photos-128" and shutil.which(args.czkawka):
        found["czkawka"] = [args.czkawka, "image", "-d", folder, "-m", 1, "-H", "-s", 0, "-T", threads, "-N", "-W", "-f", work / "groups.txt"]
    return found


def compare(args, name, folder, work):
    """Tables of one collection: a row for each contestant, model, number of threads and figure."""
    tables, stages = [], {}
    for model in MODELS:
        for threads in (1, 2):
            contestants = commands(args, model, folder, threads, work)

            def once(way):
                command = commands(args, model, folder, threads, work)[way]
                home = {"HOME": work, "XDG_CACHE_HOME": work} if way == "czkawka" else {}
                out, took = measure.run(command, {**dict.fromkeys(measure.ONE_THREAD, str(threads)), **{k: str(v) for k, v in home.items()}})
                if way == OURS:
                    said = json.loads(out)
                    stages[f"{name}, {model}, {threads} threads"] = {"seconds": said["seconds"], **said["stages"]}
                return took

            slow = [way for way in contestants if way not in (OURS, "Pillow")]
            found = measure.alternate(args.rounds, [OURS, "Pillow"], once) | measure.alternate(1, slow, once)
            for figure, unit in (("cpu", "s"), ("wall", "s"), ("rss_mb", "MB")):
                values = {way: [run[figure] for run in runs] for way, runs in found.items()}
                title = f"{name}, {model}, {threads} threads: {figure}"
                tables.append(measure.report(title, values, OURS, unit))
    return tables, stages


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive")
    parser.add_argument("--aesearch", metavar="PROGRAM", help="default: built here")
    parser.add_argument("--before", metavar="PROGRAM")
    parser.add_argument("--czkawka", metavar="PROGRAM", default="czkawka_cli")
    parser.add_argument("--large", type=int, default=200)
    parser.add_argument("--small", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", metavar="FOLDER", help="where the photos are made, once (default: a temporary folder)")
    parser.add_argument("--save", metavar="FILE")
    args = parser.parse_args()
    args.aesearch = Path(args.aesearch or measure.build("--bin", "aesearch") / "aesearch").resolve()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(args.work or temporary).resolve()
        tables, facts = [], {}
        for name, n, make in (("12 megapixels", args.large, "make-large"), ("original size", args.small, "make-small")):
            folder = work / f"{name.replace(' ', '-')}-{n}"
            if not folder.exists():
                # in a process of its own: memory held here would be counted as that of the contestants
                measure.run([sys.executable, __file__, make, args.archive, n, folder])
            size = sum(path.stat().st_size for path in folder.iterdir())
            scratch = Path(tempfile.mkdtemp(dir=temporary))
            found, stages = compare(args, name, folder, scratch)
            tables += found
            facts[name] = {"photos": n, "bytes": size, "stages": stages}
            for what, spent in stages.items():
                print(what, json.dumps({stage: round(seconds, 2) for stage, seconds in spent.items()}))
        versions = {p: importlib.metadata.version(p) for p in ("pillow", "numpy", "onnxruntime", "faiss-cpu")}
        measure.save(args.save, tables, collections=facts, versions=versions)


if __name__ == "__main__":
    if sys.argv[1:2] == ["rival"]:
        rival(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    elif sys.argv[1:2] in (["make-large"], ["make-small"]):
        make = make_large if sys.argv[1] == "make-large" else make_small
        make(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
    else:
        main()
