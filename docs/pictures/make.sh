#!/usr/bin/env bash
# Makes the pictures of README.md and of docs/ (but those of the tutorial): bash docs/pictures/make.sh DATA [FOLDER]
# DATA holds cifar10-train.tar.xz and the folders mnist, with its IDX files, and photos, with clothing128.tar and grocery128.tar. Needs aesearch on the PATH, and python3 with pip for search.png, which
# shows benches/runs/search.json, and to make pictures small. About three minutes on two cores.
set -euo pipefail
data=$(cd "$1" && pwd)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
pictures=$(cd "${2:-$(dirname "${BASH_SOURCE[0]}")}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
ln -s "$data"/mnist/*.gz .

python3 -m venv venv
venv/bin/pip install --quiet pillow matplotlib
mkdir photos queries
tar -xf "$data/photos/clothing128.tar" -C photos
tar -xf "$data/photos/grocery128.tar" -C photos
mkdir queries/shoes queries/Aubergine
mv photos/shoes/10ca393d-6342-462d-9536-58873a767049.jpg queries/shoes/1.jpg
mv photos/train/Aubergine/Aubergine_003.jpg queries/Aubergine/1.jpg
aesearch index photos --index photos.index
aesearch query queries/shoes/1.jpg queries/Aubergine/1.jpg --index photos.index --sheet photos.png

mkdir album
cp photos/train/*/*_001.jpg album
venv/bin/python - <<'PYTHON'
from PIL import Image, ImageDraw, ImageEnhance, ImageOps
from pathlib import Path
one, two, three, four = [Image.open(path).convert("RGB") for path in sorted(Path("album").iterdir())[20:60:10]]
width, height = one.size
one.resize((width * 2 // 3, height * 2 // 3)).save("album/copy-small.jpg", quality=60)
ImageEnhance.Brightness(one).enhance(1.3).save("album/copy-bright.jpg", quality=60)
captioned = two.copy()
width, height = two.size
draw = ImageDraw.Draw(captioned)
draw.rectangle((0, height * 7 // 8, width, height), fill="black")
draw.text((6, height * 8 // 9), "at the market", fill="white")
captioned.save("album/copy-caption.jpg", quality=60)
width, height = three.size
three.crop((width // 10, height // 10, width, height)).save("album/copy-cropped.jpg", quality=60)
ImageOps.mirror(four).save("album/copy-mirrored.jpg", quality=60)
PYTHON
aesearch dedupe scan album --index album.index --sheet duplicates.png

mkdir cifar
tar -xf "$data/cifar10-train.tar.xz" -C cifar --wildcards '*/0[0-4]??.jpg'
aesearch index cifar --index cifar.index --model photos-128
aesearch outliers --index cifar.index --count 10 --sheet doubts.png

aesearch index train-images-idx3-ubyte.gz t10k-images-idx3-ubyte.gz
aesearch map -o map.png

venv/bin/python "$root/benches/compare/pareto.py" "$root/benches/runs/search.json" --picture search.png
venv/bin/python - "$pictures" photos.png duplicates.png doubts.png map.png search.png <<'PYTHON'
import os
import sys
from PIL import Image
folder, *names = sys.argv[1:]
for name in names:
    colours = 64 if name in ("map.png", "search.png") else 256
    picture = Image.open(name).convert("RGB").quantize(colours, dither=Image.Dither.NONE)
    picture.save(os.path.join(folder, name), optimize=True)
    print(f"{name}: {os.path.getsize(os.path.join(folder, name)):,} bytes")
PYTHON
