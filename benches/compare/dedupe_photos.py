"""Photos with planted copies, for dedupe.py: 21 kinds of copies as they are met with, each from a photo.

    dedupe_photos.py PHOTOS.tar... OUT [--photos N] [--copies 50] [--kinds a,b] [--seed 1]

Writes the photos as OUT/images/originals/<folder>/<name>.jpg, half of them with the EXIF of a camera, and COPIES copies of
each kind as OUT/images/copies/<kind>/*. Which photos are copied is drawn by a seed; a photo is copied in several ways only
where there are more copies than photos. OUT/truth.csv holds the pairs: a,b,kind, the original first; its paths start at
OUT/images. HELD_OUT are the kinds that nothing is chosen by.
"""

import argparse
import csv
import io
import shutil
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

BICUBIC = Image.Resampling.BICUBIC
HELD_OUT = ("tone", "stretch", "crop75", "letterbox", "sticker")
WORDS = "the quick brown fox jumps over a lazy dog while rain falls on old roofs and nobody looks up from the paper".split()


def words(random, count):
    return " ".join(random.choice(WORDS, count))


def font(size):
    return ImageFont.load_default(max(8, int(size)))


def jpeg(quality):
    return {"format": "JPEG", "quality": quality}


def crop(share):
    def make(image, random, _):
        side = share
        left, top = random.uniform(0, 1 - side, 2)
        width, height = image.size
        box = (left * width, top * height, (left + side) * width, (top + side) * height)
        return image.crop(tuple(round(value) for value in box)), jpeg(88)

    return make


def scaled(share, quality=85):
    def make(image, *_):
        return image.resize(tuple(max(8, round(side * share)) for side in image.size), BICUBIC), jpeg(quality)

    return make


def stretch(image, random, _):
    wide = random.choice([0.8, 1.25])
    return image.resize((round(image.width * wide), image.height), BICUBIC), jpeg(88)


def tone(image, random, _):
    factor = random.choice([0.8, 1.2])
    return ImageEnhance.Contrast(ImageEnhance.Brightness(image).enhance(factor)).enhance(2 - factor), jpeg(88)


def turn5(image, random, _):
    turned = image.rotate(random.choice([-5, 5]), BICUBIC, expand=True, fillcolor=(0, 0, 0))
    return turned, jpeg(88)


def border(image, random, _):
    width = round(random.uniform(0.04, 0.12) * max(image.size))
    return ImageOps.expand(image, width, fill=["white", "black", "#d8c8b0"][random.integers(3)]), jpeg(88)


def letterbox(image, random, _):
    if image.width >= image.height:
        bars = (0, round(random.uniform(0.1, 0.3) * image.height))
    else:
        bars = (round(random.uniform(0.1, 0.3) * image.width), 0)
    return ImageOps.expand(image, bars, fill="black"), jpeg(88)


def screenshot(image, random, _):
    """The photo as a phone shows it: a status bar and a title above, a row of buttons below, on black or white."""
    width = 360
    photo = image.resize((width, max(8, round(image.height * width / image.width))), BICUBIC)
    height = max(640, photo.height + 160)
    dark = bool(random.integers(2))
    ground, ink = ((18, 18, 18), (240, 240, 240)) if dark else ((250, 250, 250), (30, 30, 30))
    screen = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(screen)
    draw.text((14, 8), f"{random.integers(24)}:{random.integers(60):02}", ink, font(15))
    draw.text((width - 60, 8), f"{random.integers(100)} %", ink, font(15))
    draw.text((14, 40), words(random, 3), ink, font(18))
    top = 80 + (height - 160 - photo.height) // 2
    screen.paste(photo, (0, top))
    for i in range(4):
        x = width * (2 * i + 1) // 8
        draw.ellipse((x - 14, height - 50, x + 14, height - 22), outline=ink, width=3)
    return screen, {"format": "PNG"}


def watermark(image, random, _):
    """Letters half transparent over the middle, some turned, as agencies print them."""
    layer = Image.new("RGBA", image.size)
    size = max(image.size) / random.uniform(6, 10)
    text = words(random, 2).upper()
    letters = Image.new("RGBA", (round(size * len(text) * 0.7), round(size * 1.5)))
    ImageDraw.Draw(letters).text((0, 0), text, (255, 255, 255, 130), font(size))
    letters = letters.rotate(random.choice([0, 0, 25, -25]), BICUBIC, expand=True)
    at = ((image.width - letters.width) // 2, (image.height - letters.height) // 2)
    layer.paste(letters, at, letters)
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB"), jpeg(88)


def caption(image, random, _):
    """Words below or above, on a strip of their own or over the photo."""
    size = max(12, image.width // 16)
    strip = round(size * 2.2)
    text = words(random, 5)
    inside = bool(random.integers(2))
    if inside:
        out = image.copy()
        draw = ImageDraw.Draw(out)
        y = image.height - strip
        draw.text((image.width // 20, y), text, "white", font(size), stroke_width=2, stroke_fill="black")
        return out, jpeg(88)
    out = Image.new("RGB", (image.width, image.height + strip), "white")
    above = bool(random.integers(2))
    out.paste(image, (0, strip if above else 0))
    ImageDraw.Draw(out).text((image.width // 20, 4 if above else image.height + 4), text, "black", font(size))
    return out, jpeg(88)


def sticker(image, random, _):
    """A round picture in a corner that hides what is below."""
    out = image.copy()
    side = round(random.uniform(0.18, 0.3) * min(image.size))
    x, y = (round(value) for value in random.uniform(0.05, 0.95, 2) * (np.array(image.size) - side))
    draw = ImageDraw.Draw(out)
    draw.ellipse((x, y, x + side, y + side), fill=tuple(random.integers(60, 255, 3).tolist()), outline="white", width=3)
    draw.text((x + side // 5, y + side // 4), words(random, 1)[:4], "black", font(side // 3))
    return out, jpeg(88)


def logo(image, random, _):
    """A small mark in a corner."""
    out = image.copy()
    size = max(10, min(image.size) // 18)
    corner = random.integers(4)
    text = "(c) " + words(random, 2)
    x = 6 if corner % 2 else image.width - round(size * len(text) * 0.55) - 6
    y = 6 if corner // 2 else image.height - 2 * size
    ImageDraw.Draw(out).text((x, y), text, "white", font(size), stroke_width=1, stroke_fill="black")
    return out, jpeg(88)


def collage(image, random, other):
    """Beside another photo, of equal height."""
    height = min(image.height, other.height)
    parts = [part.resize((max(8, round(part.width * height / part.height)), height), BICUBIC) for part in (image, other)]
    if random.integers(2):
        parts.reverse()
    out = Image.new("RGB", (parts[0].width + parts[1].width + 6, height), "white")
    out.paste(parts[0], (0, 0))
    out.paste(parts[1], (parts[0].width + 6, 0))
    return out, jpeg(88)


# From an image, a generator and another photo to a copy and how it is saved.
KINDS = {
    "jpeg10": lambda image, *_: (image, jpeg(10)),
    "webp": lambda image, *_: (image.resize((image.width * 7 // 10, image.height * 7 // 10), BICUBIC), {"format": "WEBP", "quality": 60}),
    "grey": lambda image, *_: (image.convert("L").convert("RGB"), jpeg(88)),
    "stretch": stretch,
    "tone": tone,
    "blur": lambda image, *_: (image.filter(ImageFilter.GaussianBlur(max(image.size) / 200)), jpeg(88)),
    "turn5": turn5,
    "tenth": scaled(0.1),
    "crop90": crop(0.9),
    "crop75": crop(0.75),
    "crop50": crop(0.5),
    "border": border,
    "letterbox": letterbox,
    "screenshot": screenshot,
    "watermark": watermark,
    "caption": caption,
    "sticker": sticker,
    "logo": logo,
    "collage": collage,
    "mirrored": lambda image, *_: (ImageOps.mirror(image), jpeg(88)),
    "turn90": lambda image, random, _: (image.rotate(90 * int(random.integers(1, 4)), expand=True), jpeg(88)),
}
ENDINGS = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp"}


def photos(archives, count, seed):
    """[(folder/name, bytes)], drawn from all archives alike."""
    found = []
    for path in archives:
        with tarfile.open(path) as archive:
            for entry in archive:
                if entry.isfile() and entry.name.lower().endswith((".jpg", ".jpeg")):
                    found.append((entry.name, archive.extractfile(entry).read()))
    order = np.random.default_rng(seed).permutation(len(found))[: count or len(found)]
    return [found[i] for i in sorted(order)]


def camera(image, number):
    exif = image.getexif()
    exif[0x010F], exif[0x0110] = "Maker", f"Model {number % 3}"
    exif[0x0132] = f"2019:05:{number % 28 + 1:02} 12:{number // 60 % 60:02}:{number % 60:02}"
    details = exif.get_ifd(0x8769)
    details[0x829A], details[0x829D], details[0x8827] = 1 / 250, 2.8, 200
    details[0x9003] = exif[0x0132]
    return exif


def originals(found, out):
    """Writes them; every second one with the EXIF of a camera, which changes no pixel."""
    for number, (name, data) in enumerate(found):
        path = out / "originals" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if number % 2 == 0:
            with Image.open(io.BytesIO(data)) as image:
                block = camera(image, number).tobytes()
            block = b"Exif\0\0" + block.removeprefix(b"Exif\0\0")
            marker = b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block
            data = data[:2] + marker + data[2:]
        path.write_bytes(data)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("archives", nargs="+", metavar="PHOTOS.tar")
    parser.add_argument("out", type=Path)
    parser.add_argument("--photos", type=int, default=0)
    parser.add_argument("--copies", type=int, default=50)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    kinds = args.kinds.split(",") if args.kinds else []
    shutil.rmtree(args.out, ignore_errors=True)
    images = args.out / "images"
    found = photos(args.archives, args.photos, args.seed)
    originals(found, images)
    random = np.random.default_rng([args.seed, 7])
    order = random.permutation(len(found))
    with open(args.out / "truth.csv", "w", newline="") as file:
        truth = csv.writer(file, lineterminator="\n")
        truth.writerow(["a", "b", "kind"])
        for k, kind in enumerate(kinds):
            folder = images / "copies" / kind
            folder.mkdir(parents=True)
            for c in range(args.copies):
                place = k * args.copies + c
                name, data = found[order[place % len(found)]]
                _, other = found[order[(place + len(found) // 2) % len(found)]]
                with Image.open(io.BytesIO(data)) as image, Image.open(io.BytesIO(other)) as beside:
                    own = np.random.default_rng([args.seed, k, c])
                    copy, how = KINDS[kind](image.convert("RGB"), own, beside.convert("RGB"))
                path = folder / f"{c:03}-{Path(name).stem}{ENDINGS[how['format']]}"
                copy.save(path, **how)
                truth.writerow([f"originals/{name}", f"copies/{kind}/{path.name}", kind])
                if kind == "collage":
                    truth.writerow([f"originals/{found[order[(place + len(found) // 2) % len(found)]][0]}", f"copies/{kind}/{path.name}", kind])


if __name__ == "__main__":
    main()
