"""The collections of dedupe.py, each written once: whole under its name, or not at all.

    dedupe_images.py mnist FOLDER OUT COUNT COPIES      MNIST's test images as OUT/images/originals/<label>/NNNNN.png
    dedupe_images.py cifar ARCHIVE OUT COUNT COPIES     CIFAR-10's training images, .../<class>/NNNN.png, as many of each class

To them come COPIES copies of each kind, OUT/images/copies/<kind>/*. Which images are copied is drawn by a seed, and no
image is copied twice, so that two copies are never of one image. OUT/truth.csv holds the pairs: a,b,kind, the original
first; its paths start at OUT/images. A process of its own for the reason that index_images.py is one.
"""

import csv
import io
import shutil
import sys
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image
from index_images import idx

SEED = 1
BICUBIC = Image.Resampling.BICUBIC
QUICK = {"compress_level": 1}
KEPT = 0.89  # of each side, by a crop
ANGLE = 5  # degrees
MARGIN = 8  # pixels mirrored around an image before it is turned, so that no corner is empty


# Copies: an image to (an image, the ending of its file, options of its encoder).


def jpeg(quality):
    return lambda image, *_: (image, ".jpg", {"quality": quality})


def scaled(side, back=None):
    def make(image, *_):
        image = image.resize((side, side), BICUBIC)
        return (image.resize((back, back), BICUBIC) if back else image), ".png", QUICK

    return make


def brighter(factor):
    """Values are multiplied, and clipped."""
    return lambda image, *_: (image.point(lambda value: min(255, round(value * factor))), ".png", QUICK)


def shifted(image, number, _):
    """By a pixel, left, right, up, down by turn; what comes in repeats the edge."""
    x, y = ((-1, 0), (1, 0), (0, -1), (0, 1))[number % 4]
    pixels = np.pad(np.asarray(image), 1, "edge")
    height, width = image.height, image.width
    return Image.fromarray(pixels[1 - y :, 1 - x :][:height, :width]), ".png", QUICK


def cropped(image, _, random):
    side = KEPT * image.width
    left, top = random.uniform(0, image.width - side, 2)
    return image.resize(image.size, BICUBIC, (left, top, left + side, top + side)), ".png", QUICK


def turned_black(image, number, _):
    """Left and right by turn, the corners black."""
    return image.rotate(ANGLE * (-1) ** number, BICUBIC), ".png", QUICK


def turned_filled(image, number, _):
    """As if cut from a larger picture: no corner is black."""
    pixels = np.pad(np.asarray(image), ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), "reflect")
    turned = Image.fromarray(pixels).rotate(ANGLE * (-1) ** number, BICUBIC)
    return turned.crop((MARGIN, MARGIN, MARGIN + image.width, MARGIN + image.height)), ".png", QUICK


def flipped(image, *_):
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), ".png", QUICK


KINDS = {
    "mnist": {
        "jpeg-50": jpeg(50),
        "20px": scaled(20),
        "56px": scaled(56),
        "bright-1.2": brighter(1.2),
        "dark-0.8": brighter(0.8),
        "shift-1px": shifted,
    },
    "cifar": {
        "jpeg-30": jpeg(30),
        "20px-and-back": scaled(20, 32),
        "crop-11": cropped,
        "dark-0.7": brighter(0.7),
        "bright-1.3": brighter(1.3),
        "turn-5-black": turned_black,
        "turn-5-filled": turned_filled,
        "flip": flipped,
    },
}


# Originals: (path below originals/, image).


def mnist(source, count):
    images, labels = (idx(Path(source, f"t10k-{name}-ubyte.gz")) for name in ("images-idx3", "labels-idx1"))
    for i in range(min(count, len(images))):
        yield f"{labels[i]}/{i:05}.png", Image.fromarray(images[i])


def cifar(source, count):
    """The archive holds <anything>/<class>/NNNN.jpg."""
    with tarfile.open(source) as archive:
        for entry in archive:
            path = Path(entry.name)
            if path.suffix == ".jpg" and int(path.stem) < count // 10:
                with Image.open(io.BytesIO(archive.extractfile(entry).read())) as image:
                    yield f"{path.parent.name}/{path.stem}.png", image.convert("RGB")


def write(images, out, kinds, count, copies):
    """Files and the truth about them; the kinds share the originals by a shuffle."""
    if len(kinds) * copies > count:
        most = count // len(kinds)
        sys.exit(f"{out}: copies of each of {len(kinds)} kinds: expected at most {most}, got {copies}")
    order = np.random.default_rng(SEED).permutation(count)
    kind_of = {i: place // copies for place, i in enumerate(order[: len(kinds) * copies].tolist())}
    folders, truth, done = {}, [], [0] * len(kinds)
    written = 0
    for i, (name, image) in enumerate(images):
        path = Path("originals", name)
        if path.parent not in folders:
            folders[path.parent] = (out / "images" / path.parent).mkdir(parents=True)
        image.save(out / "images" / path, **QUICK)
        written += 1
        if i in kind_of:
            number = kind_of[i]
            kind, make = list(kinds.items())[number]
            copy, ending, options = make(image, done[number], np.random.default_rng([SEED, i]))
            file = Path("copies", kind, f"{path.parent.name}-{path.stem}{ending}")
            if not done[number]:
                (out / "images" / file).parent.mkdir(parents=True)
            copy.save(out / "images" / file, **options)
            done[number] += 1
            truth.append((kind, path, file))
    if written != count:
        sys.exit(f"expected {count} images, got {written}")
    with (out / "truth.csv").open("w", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(("a", "b", "kind"))
        lines.writerows((path, copy, kind) for kind, path, copy in sorted(truth))


def main():
    verb, source, out, count, copies = sys.argv[1:]
    out, count = Path(out), int(count)
    part = out.with_name(f"{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)  # of a run that was interrupted
    images = {"mnist": mnist, "cifar": cifar}[verb](source, count)
    write(images, part, KINDS[verb], count, int(copies))
    part.rename(out)


if __name__ == "__main__":
    main()
