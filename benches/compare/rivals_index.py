"""The rivals of index.py, each a script as its users would write it. One verb per process; facts as JSON on the last line.

    rivals_index.py index SIDE MODEL FOLDER OUT THREADS    reads, decodes, encodes, binarizes, builds, writes
    rivals_index.py query MODEL IMAGE OUT                  opens what `index` wrote, prints the 10 nearest
    rivals_index.py versions                               what is installed

With Pillow, onnxruntime and faiss MODEL is our encoder.onnx, run in batches; a latent is cut at zero, as aesearch does
with the models that it ships. imagededup has a network and hashes of its own, and no index: what it found is written.
"""

import argparse
import json
import logging
import os
import resource
import time
from multiprocessing import Pool
from pathlib import Path

BATCH = 256
M = 16
# The index, and what two threads are for: two processes that decode and encode, or two that decode and one that encodes,
# by two threads.
FAISS = {
    "faiss hnsw": ("hnsw", "whole"),
    "faiss flat": ("flat", "whole"),
    "faiss hnsw decoders": ("hnsw", "decode"),
}
IMAGEDEDUP = {"imagededup phash": "PHash", "imagededup cnn": "CNN"}
K = 10


def say(**facts):
    print(json.dumps(facts), flush=True)


# Pillow + onnxruntime + faiss.


class Encoder:
    """Files to codes, in batches."""

    def __init__(self, model, threads):
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self.session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def shape(self):
        """(channels, height, width)"""
        return tuple(self.session.get_inputs()[0].shape[1:])

    def encode(self, pixels):
        """[N, H, W, C] u8 to [N, bits / 8] u8"""
        import numpy as np

        images = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32)
        images /= 255
        latents = self.session.run(["latent"], {"image": images})[0]
        return np.packbits(latents > 0, axis=1)


def decode(files, shape):
    """[N, H, W, C] u8"""
    import numpy as np
    from PIL import Image

    channels, height, width = shape
    mode = "L" if channels == 1 else "RGB"
    pixels = np.empty((len(files), height, width, channels), np.uint8)
    for i, file in enumerate(files):
        with Image.open(file) as image:
            if image.mode != mode:
                image = image.convert(mode)
            if image.size != (width, height):
                image = image.resize((width, height), Image.Resampling.BILINEAR)
            pixels[i] = np.asarray(image).reshape(height, width, channels)
    return pixels


def start_worker(model):
    global ENCODER
    ENCODER = Encoder(model, 1)


def decode_and_encode(files):
    return ENCODER.encode(decode(files, ENCODER.shape()))


def only_decode(task):
    return decode(*task)


def codes_of(way, model, files, threads):
    """[N, bits / 8] u8"""
    import numpy as np

    batches = [files[at : at + BATCH] for at in range(0, len(files), BATCH)]
    if threads == 1:
        start_worker(model)
        codes = [decode_and_encode(batch) for batch in batches]
    elif way == "whole":
        with Pool(threads, start_worker, [model]) as pool:
            codes = pool.map(decode_and_encode, batches, chunksize=1)
    else:
        with Pool(threads) as pool:  # before there are threads to be forked
            encoder = Encoder(model, threads)
            tasks = [(batch, encoder.shape()) for batch in batches]
            codes = [encoder.encode(pixels) for pixels in pool.imap(only_decode, tasks)]
    return np.concatenate(codes)


def files_in(folder):
    return sorted(os.path.join(parent, name) for parent, _, names in os.walk(folder) for name in names)


def index_faiss(side, model, folder, out, threads):
    kind, way = FAISS[side]
    files = files_in(folder)
    codes = codes_of(way, model, files, threads)
    import faiss  # not for the processes that were forked

    faiss.omp_set_num_threads(threads)
    bits = codes.shape[1] * 8
    index = faiss.IndexBinaryHNSW(bits, M) if kind == "hnsw" else faiss.IndexBinaryFlat(bits)
    index.add(codes)
    faiss.write_index_binary(index, str(out / "codes.faiss"))
    (out / "files.json").write_text(json.dumps(files))
    say(images=index.ntotal)


def query(model, file, out):
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.read_index_binary(str(out / "codes.faiss"))
    files = json.loads((out / "files.json").read_text())
    start_worker(model)
    distances, ids = index.search(decode_and_encode([file]), K)
    for distance, item in zip(distances[0], ids[0]):
        print(distance, files[item])
    say(distances=distances[0].tolist())


# imagededup.


def spent():
    """(wall, CPU) seconds, of this process and of those it has waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(usage.ru_utime + usage.ru_stime for usage in usages)


def index_imagededup(side, _, folder, out, threads):
    import torch

    logging.disable(logging.INFO)  # what it tells of its progress
    torch.set_num_threads(1)
    import imagededup.methods
    from imagededup.utils import models

    # Its weights are fetched when first used, which this machine may not be able to. Others take as long.
    network = models.models.mobilenet_v3_small
    models.models.mobilenet_v3_small = lambda weights: network(weights=None)
    method = getattr(imagededup.methods, IMAGEDEDUP[side])(verbose=False)
    # Hashes: as many processes. The network: this one and those that decode for it, which beats a network of two threads.
    workers = threads if side == "imagededup phash" else threads - 1
    begin = spent()
    found = method.encode_images(folder, recursive=True, num_enc_workers=workers)
    wall, cpu = (after - before for after, before in zip(spent(), begin))
    if side == "imagededup cnn":
        import numpy as np

        np.save(out / "encodings.npy", np.stack(list(found.values())))
        found = dict.fromkeys(found)
    (out / "encodings.json").write_text(json.dumps(found))
    say(images=len(found), encoding={"wall": wall, "cpu": cpu})


def versions():
    """Of the packages; none where one is missing."""
    import importlib.metadata

    found = {}
    for name in ("pillow", "onnxruntime", "faiss-cpu", "numpy", "imagededup", "torch"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    index = verbs.add_parser("index")
    index.add_argument("side", choices=(*FAISS, *IMAGEDEDUP))
    index.add_argument("model")
    index.add_argument("folder")
    index.add_argument("out", type=Path)
    index.add_argument("threads", type=int)
    ask = verbs.add_parser("query")
    ask.add_argument("model")
    ask.add_argument("file")
    ask.add_argument("out", type=Path)
    verbs.add_parser("versions")
    args = parser.parse_args()
    match args.verb:
        case "index":
            work = index_faiss if args.side in FAISS else index_imagededup
            work(args.side, args.model, args.folder, args.out, args.threads)
        case "query":
            query(args.model, args.file, args.out)
        case "versions":
            say(**versions())


if __name__ == "__main__":
    main()
