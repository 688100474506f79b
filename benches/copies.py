"""How often the nearest latent to an altered copy of an image is the original's.

    .venv/bin/pip install numpy pillow onnxruntime
    .venv/bin/python benches/copies.py models/thumbnails/photos-128/encoder.onnx IMAGES [--queries 5000] [--save FILE]

All images below IMAGES are encoded; of `--queries` of them, evenly spread, a copy is made in each way (JPEG of quality 30; halved and
doubled again; brightness times 0.7 and 1.3), encoded, and looked for among the latents of all images by cosine.
"""

import argparse
import io
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent / "compare"))
import measure

BATCH = 256


def reencoded(image):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=30)
    return Image.open(file).convert("RGB")


def rescaled(filter):
    def copy(image):
        return image.resize((image.width // 2, image.height // 2), filter).resize(image.size, filter)

    return copy


def brightened(factor):
    return lambda image: image.point(lambda value: min(255, round(value * factor)))


WAYS = {
    "as it is": lambda image: image,
    "JPEG of quality 30": reencoded,
    "halved, doubled (bicubic)": rescaled(Image.BICUBIC),
    "halved, doubled (bilinear)": rescaled(Image.BILINEAR),
    "brightness x 0.7": brightened(0.7),
    "brightness x 1.3": brightened(1.3),
}


def latents(session, images):
    """Unit vectors [len(images), D]."""
    parts = []
    for at in range(0, len(images), BATCH):
        pixels = np.stack([np.asarray(image, np.float32) / 255 for image in images[at : at + BATCH]])
        parts.append(session.run(["latent"], {"image": pixels.transpose(0, 3, 1, 2)})[0])
    found = np.concatenate(parts)
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("encoder")
    parser.add_argument("images")
    parser.add_argument("--queries", type=int, default=5000)
    parser.add_argument("--save", metavar="FILE", help="write the figures as JSON")
    args = parser.parse_args()
    files = sorted(path for path in Path(args.images).rglob("*") if path.suffix in (".jpg", ".png"))
    images = [Image.open(path).convert("RGB") for path in files]
    session = onnxruntime.InferenceSession(args.encoder, providers=["CPUExecutionProvider"])
    database = latents(session, images)
    chosen = np.arange(args.queries) * len(images) // args.queries
    shares = {}
    for name, way in WAYS.items():
        copies = latents(session, [way(images[i]) for i in chosen])
        nearest = np.concatenate([(part @ database.T).argmax(1) for part in np.array_split(copies, 20)])
        shares[name] = float((nearest == chosen).mean())
        print(f"{name:28}{shares[name]:8.2%}")
    measure.save(args.save, [], images=len(images), queries=args.queries, top_1=shares)


if __name__ == "__main__":
    main()
