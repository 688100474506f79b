"""What the bytes of a latent are worth: the first ten hits by codes of 128 bits, re-ranked by latents of 8 bits a number.

    python benches/rerank_bytes.py models/photos/photos/encoder.onnx FOLDER... > benches/runs/rerank_bytes.json

Each FOLDER holds `db/` and `q/`, images in a folder for each label; photo_splits.py makes them. Latents of 256 numbers
are the model's own, shorter ones their first numbers, and those of 1,280 the pooled features before its projection.
Needs numpy, onnx, onnxruntime and Pillow.
"""

import json
import platform
import sys
from pathlib import Path

import numpy
import onnx
import onnxruntime
from PIL import Image

BITS, CANDIDATES, SIZES = 128, 200, (0, 32, 64, 128, 256, 1280)


def encoder(file):
    """The session, its input's name, and the names of the pooled features and of the latent."""
    model = onnx.load(file)
    latent = model.graph.output[0].name
    gemm = next(node for node in reversed(model.graph.node) if node.op_type in ("Gemm", "MatMul"))
    model.graph.output.append(onnx.helper.make_tensor_value_info(gemm.input[0], onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session, session.get_inputs()[0].name, [gemm.input[0], latent]


def read(folder, network):
    session, entry, outputs = network
    files = sorted(file for file in folder.glob("*/*") if file.is_file())
    features, latents = [], []
    for file in files:
        with Image.open(file) as image:
            pixels = numpy.asarray(image.convert("RGB").resize((224, 224), Image.BILINEAR), dtype=numpy.float32) / 255
        both = session.run(outputs, {entry: pixels.transpose(2, 0, 1)[None]})
        features.append(both[0].reshape(-1))
        latents.append(both[1].reshape(-1))
    return numpy.array([file.parent.name for file in files]), numpy.array(features), numpy.array(latents)


def itq(latents, bits, rounds=50):
    """Gong and Lazebnik, 2011."""
    mean = latents.mean(0)
    directions = numpy.linalg.svd(latents - mean, full_matrices=False)[2][:bits].T
    projected = (latents - mean) @ directions
    rotation = numpy.linalg.qr(numpy.random.default_rng(0).standard_normal((bits, bits)))[0]
    for _ in range(rounds):
        left, _, right = numpy.linalg.svd(numpy.sign(projected @ rotation).T @ projected)
        rotation = (left @ right).T
    return mean, directions @ rotation


def int8(vectors):
    step = numpy.abs(vectors).max(1, keepdims=True) / 127
    rounded = numpy.round(vectors / step)
    return rounded / numpy.linalg.norm(rounded, axis=1, keepdims=True)


def judge(folder, network, queries):
    labels, features, latents = read(folder / "db", network)
    asked, *theirs = read(folder / "q", network)
    chosen = numpy.random.default_rng(0).permutation(len(asked))[:queries]
    asked, (q_features, q_latents) = asked[chosen], (part[chosen] for part in theirs)
    mean, rotation = itq(latents, BITS)
    codes, q_codes = (numpy.sign((part - mean) @ rotation) for part in (latents, q_latents))
    near = numpy.argsort(-(q_codes @ codes.T), axis=1, kind="stable")[:, :CANDIDATES]
    rows = []
    for size in SIZES:
        order = near
        if size:
            a, b = (int8(x) for x in ((features, q_features) if size > 256 else (latents[:, :size], q_latents[:, :size])))
            similarity = numpy.einsum("qd,qcd->qc", b, a[near])
            order = numpy.take_along_axis(near, numpy.argsort(-similarity, axis=1, kind="stable"), axis=1)
        first = labels[order[:, :10]]
        votes = [max(sorted(set(row)), key=list(row).count) for row in first]
        right = first == asked[:, None]
        rows.append({"bytes": size, "precision_10": round(float(right.mean()), 4), "knn10_accuracy": round(float(numpy.mean(votes == asked)), 4)})
    return {"set": folder.name, "images": len(labels), "queries": len(asked), "rows": rows}


def main():
    file, *folders = sys.argv[1:]
    network = encoder(file)
    sets = [judge(Path(folder), network, 800) for folder in folders]
    print(json.dumps({"machine": f"{platform.machine()}, {platform.system()}", "bits": BITS, "candidates": CANDIDATES, "sets": sets}, indent=1))


if __name__ == "__main__":
    main()
