"""The collections of index.py, each written once: whole under its name, or not at all.

    index_images.py mnist FOLDER OUT COUNT       MNIST's training images as OUT/<label>/NNNNN.png
    index_images.py cifar ARCHIVE OUT COUNT      CIFAR-10's as OUT/<class>/NNNN.jpg, of quality 90, as many of each class
    index_images.py subset FOLDER OUT COUNT      COUNT images of a folder, evenly spread, as links
    index_images.py million _ OUT.tar COUNT      grey 28x28 PNG files in one archive, seeded, no two alike

The million are strokes of ink, a random curve each, so that they fill the code space as digits do and not as noise would.
A process of its own, since what it holds in memory would count as that of the programs that index.py starts.
"""

import gzip
import io
import os
import shutil
import struct
import sys
import tarfile
import zlib
from pathlib import Path

import numpy as np

SIDE = 28
QUALITY = 90
SEED = 1
BATCH = 10_000
POINTS = 16  # of a curve; a blob of ink each
INK = 1.2  # standard deviation of a blob, in pixels


def idx(path):
    """The values of an IDX file, [N] or [N, H, W]."""
    with gzip.open(path) as file:
        data = file.read()
    axes = data[3]
    shape = struct.unpack(f">{axes}I", data[4 : 4 + 4 * axes])
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)


def mnist(source, out, count):
    from PIL import Image

    images, labels = (idx(Path(source, f"train-{name}-ubyte.gz")) for name in ("images-idx3", "labels-idx1"))
    if count > len(images):
        sys.exit(f"{source}: expected {count} images or more, got {len(images)}")
    for label in range(10):
        (out / str(label)).mkdir(parents=True)
    for i in range(count):
        Image.fromarray(images[i]).save(out / str(labels[i]) / f"{i:05}.png")


def cifar(source, out, count):
    """The archive holds <anything>/<class>/NNNN.jpg, class by class; its files are encoded anew."""
    from PIL import Image

    written = 0
    with tarfile.open(source) as archive:
        for entry in archive:
            path = Path(entry.name)
            if path.suffix != ".jpg" or int(path.stem) >= count // 10:
                continue
            with Image.open(io.BytesIO(archive.extractfile(entry).read())) as image:
                folder = out / path.parent.name
                folder.mkdir(parents=True, exist_ok=True)
                image.save(folder / path.name, quality=QUALITY)
            written += 1
    if written != count:
        sys.exit(f"{source}: expected {count // 10} images of each of 10 classes, got {written} images")


def subset(source, out, count):
    files = sorted(path for path in Path(source).rglob("*") if path.is_file())
    out.mkdir()
    for i in range(count):
        path = files[i * len(files) // count]
        os.link(path, out / f"{path.parent.name}-{path.name}")


def strokes(random, count):
    """[count, H, W] u8: blobs of ink along a cubic curve, whose four points lie anywhere inside."""
    ends = random.uniform(2, SIDE - 3, (count, 4, 2)).astype(np.float32)
    t = np.linspace(0, 1, POINTS, dtype=np.float32)
    weights = np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
    points = np.einsum("kp,nkd->ndp", weights, ends)
    # a blob is the product of its profiles along the two axes: [count, axis, point, pixel]
    profile = np.exp((points[..., None] - np.arange(SIDE, dtype=np.float32)) ** 2 / (-2 * INK**2))
    ink = profile[:, 0].transpose(0, 2, 1) @ profile[:, 1]
    return (np.minimum(ink, 1) * 255).astype(np.uint8)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(rows):
    """A grey image as a PNG file; `rows` [H, 1 + W] u8, each begins with its filter, which is none."""
    return HEAD + chunk(b"IDAT", zlib.compress(rows.tobytes(), 1)) + END


HEAD = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0))
END = chunk(b"IEND", b"")


def million(_, out, count):
    random = np.random.default_rng(SEED)
    seen = set()
    with tarfile.open(out, "w", format=tarfile.USTAR_FORMAT) as archive:
        while len(seen) < count:
            rows = np.zeros((BATCH, SIDE, 1 + SIDE), np.uint8)
            rows[:, :, 1:] = strokes(random, BATCH)
            for image in rows[: count - len(seen)]:
                known = len(seen)
                seen.add(hash(image.tobytes()))
                if len(seen) == known:
                    continue
                data = png(image)
                entry = tarfile.TarInfo(f"{known:07}.png")
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))


def main():
    verb, source, out, count = sys.argv[1:]
    out = Path(out)
    part = out.with_name(f"{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)  # of a run that was interrupted; of the archive, opening it anew does the same
    {"mnist": mnist, "cifar": cifar, "subset": subset, "million": million}[verb](source, part, int(count))
    part.rename(out)


if __name__ == "__main__":
    main()
