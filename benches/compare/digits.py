"""MNIST for cluster.py and map.py: its images, labels and latents, and the index of them.

    digits.py latents MODEL FOLDER COUNT OUT    encodes COUNT images; writes OUT/latents.npy, [N, D] of length 1, and OUT/labels.npy

70,000 images are the training images and then the test images, fewer are the first training images. A process of its own,
so that what encodes them is not in memory when others are measured.
"""

import csv
import gzip
import re
import struct
import sys
from pathlib import Path

import numpy as np

import measure

IMAGES = ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte")
LABELS = ("train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte")
ALL = 70_000
BATCH = 500


def idx(path):
    """The values of an IDX file, [N] or [N, H, W]; packed or not."""
    path = Path(path)
    data = path.read_bytes() if path.exists() else gzip.open(f"{path}.gz").read()
    axes = data[3]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(struct.unpack(f">{axes}I", data[4 : 4 + 4 * axes]))


def read(folder, count):
    """(images [N, 28, 28], labels [N])"""
    return tuple(np.concatenate([idx(Path(folder, name)) for name in names])[:count] for names in (IMAGES, LABELS))


def write_latents(model, folder, count, out):
    import onnxruntime as ort

    images, labels = read(folder, count)
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    batches = (images[at : at + BATCH, None].astype(np.float32) / 255 for at in range(0, len(images), BATCH))
    latents = np.concatenate([session.run(["latent"], {"image": batch})[0] for batch in batches])
    latents /= np.maximum(np.linalg.norm(latents, axis=1, keepdims=True), 1e-12)
    np.save(out / "latents.npy", latents.astype(np.float32))
    np.save(out / "labels.npy", labels)


def prepare(aesearch, folder, count, work, index=None):
    """A folder with `latents.npy`, `labels.npy` and `index` of so many images; made where it is not there."""
    out = work / f"mnist-{count}"
    out.mkdir(parents=True, exist_ok=True)
    model = measure.ROOT / "models" / "digits" / "digits-64" / "encoder.onnx"
    if not (out / "labels.npy").exists():
        measure.run([sys.executable, __file__, "latents", model, folder, count, out])
    if index is not None and count == ALL:
        return out, Path(index)
    if not (out / "index").exists():
        if count == ALL:
            sources = [Path(folder, f"{name}.gz") for name in IMAGES]
        else:
            sources = [first(folder, count, out)]
        measure.run([aesearch, "index", *sources, "--index", out / "index", "--model", "digits-64", "-q"])
    return out, out / "index"


def first(folder, count, out):
    """IDX files of the first training images."""
    for names, axes in ((IMAGES, 3), (LABELS, 1)):
        values = idx(Path(folder, names[0]))[:count]
        (out / names[0]).write_bytes(bytes([0, 0, 8, axes]) + struct.pack(f">{axes}I", *values.shape) + values.tobytes())
    return out / IMAGES[0]


def rows(table, columns):
    """Columns of a table that aesearch wrote, [N, columns] as text, in the order of the latents."""
    found = []
    with open(table, newline="") as file:
        for row in csv.DictReader(file):
            name, number = re.search(r"([^/\\]*)#(\d+)$", row["path"]).groups()
            found.append(((name.startswith("t10k"), int(number)), [row[column] for column in columns]))
    return [values for _, values in sorted(found)]


if __name__ == "__main__":
    verb, model, folder, count, out = sys.argv[1:]
    write_latents(model, Path(folder), int(count), Path(out))
