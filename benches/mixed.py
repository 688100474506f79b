"""Ten thousand files of ten formats: a thousand photos, each in every format, indexed and queried by each format.

    .venv/bin/pip install numpy pillow pillow-heif pillow-jxl-plugin psd-tools
    cargo build --release --features avif
    .venv/bin/python benches/mixed.py AESEARCH PHOTOS.tar... [--files 10000] [--model photos] [--save benches/runs/mixed.json]

Photos are spread evenly over the archives, at most 256 pixels on the longer side. Formats that have an orientation store a photo
turned, as one of eight drawn from a seed. Of each format `--queries` files are queries: the file itself has to be found first,
or level with the first, and its siblings in the nine other formats next.
"""

import argparse
import io
import json
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent / "compare"))
import measure
from formats_table import by_pillow, psd

FORMATS = {
    "jpg": by_pillow("JPEG", quality=90),
    "png": by_pillow("PNG"),
    "webp": by_pillow("WEBP", quality=85, prefix=b""),
    "gif": by_pillow("GIF"),
    "bmp": by_pillow("BMP"),
    "tif": by_pillow("TIFF", compression="tiff_lzw"),
    "heic": by_pillow("HEIF", quality=80, prefix=b"Exif\0\0"),
    "avif": by_pillow("AVIF", quality=75),
    "jxl": by_pillow("JXL", quality=90),
    "psd": psd(3),
}
UPRIGHT = ("gif", "bmp", "jxl")
# what latents differ by that are the same but for rounding
LEVEL = 1e-5


def photos(archives, count):
    """So many photos, as many of each archive."""
    for number, archive in enumerate(archives):
        share = count * (number + 1) // len(archives) - count * number // len(archives)
        with tarfile.open(archive) as files:
            members = [file for file in files if file.name.lower().endswith((".jpg", ".jpeg", ".png"))]
            for at in np.arange(share) * len(members) // share:
                photo = Image.open(io.BytesIO(files.extractfile(members[at]).read())).convert("RGB")
                photo.thumbnail((256, 256))
                yield photo


def write(folder, archives, count):
    random = np.random.default_rng(1)
    (folder / "photos").mkdir()
    for number, photo in enumerate(photos(archives, count)):
        for ending, writer in FORMATS.items():
            orientation = 1 if ending in UPRIGHT else int(random.integers(1, 9))
            (folder / "photos" / f"{number:05}.{ending}").write_bytes(writer(photo, orientation))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("aesearch")
    parser.add_argument("archives", nargs="+")
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--model", default="photos")
    parser.add_argument("--save", metavar="FILE", help="write the figures as JSON")
    args = parser.parse_args()
    count = args.files // len(FORMATS)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write(folder, args.archives, count)
        index = ["--index", folder / "index", "--json", "-q"]
        out, took = measure.run([args.aesearch, "index", folder / "photos", "--model", args.model, "--threads", "2", *index])
        indexed = json.loads(out)
        took = {name: round(value, 1) for name, value in took.items()}
        print(f"indexed {indexed['images']} of {len(FORMATS) * count}, skipped {indexed['skipped'][:5]}, {took}")
        chosen = np.arange(args.queries) * count // args.queries
        table = {}
        for ending in FORMATS:
            names = [folder / "photos" / f"{number:05}.{ending}" for number in chosen]
            out, _ = measure.run([args.aesearch, "query", *names, "-k", str(len(FORMATS)), *index])
            queries = json.loads(out)["queries"]
            first, siblings, whole, lost = 0, 0, 0, {}
            for number, query in zip(chosen, queries, strict=True):
                hits = query["hits"]
                own = [hit for hit in hits if Path(hit["path"]).name == f"{number:05}.{ending}"]
                first += bool(own) and own[0]["similarity"] > hits[0]["similarity"] - LEVEL
                found = {Path(hit["path"]).suffix[1:] for hit in hits if Path(hit["path"]).stem == f"{number:05}"}
                siblings += len(found - {ending})
                whole += len(found) == len(FORMATS)
                for other in set(FORMATS) - found:
                    lost[other] = lost.get(other, 0) + 1
            share = siblings / (len(chosen) * (len(FORMATS) - 1))
            table[ending] = {"itself_first": first / len(chosen), "siblings_next": share, "all_ten_first": whole / len(chosen), "lost": lost}
            print(f"{ending:5} itself first {first / len(chosen):7.2%}  siblings next {share:7.2%}  all ten {whole / len(chosen):7.2%}  {lost}")
    measure.save(
        args.save, [], files=len(FORMATS) * count, model=args.model, indexed=indexed["images"], skipped=len(indexed["skipped"]),
        index_two_threads=took, queries_of_each_format=len(chosen), formats=table,
    )  # fmt: skip


if __name__ == "__main__":
    main()
