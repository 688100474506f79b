#!/usr/bin/env bash
# Makes the pictures of README.md and benchmarks.md: bash docs/pictures/make.sh DATA [FOLDER]
# DATA holds the folders mnist, with its IDX files, and photos, with clothing128.tar and grocery128.tar. Needs aesearch on the PATH, and python3 with pip for search.png, which
# shows benches/runs/search.json, and to make pictures small. About three minutes on two cores.
set -euo pipefail
data=$(cd "$1" && pwd)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
pictures=$(cd "${2:-$(dirname "${BASH_SOURCE[0]}")}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
ln -s "$data"/mnist/*.gz .

mkdir photos queries
tar -xf "$data/photos/clothing128.tar" -C photos
tar -xf "$data/photos/grocery128.tar" -C photos
mkdir queries/shoes queries/Aubergine
mv photos/shoes/10ca393d-6342-462d-9536-58873a767049.jpg queries/shoes/1.jpg
mv photos/train/Aubergine/Aubergine_003.jpg queries/Aubergine/1.jpg
aesearch index photos --index photos.index
aesearch query queries/shoes/1.jpg queries/Aubergine/1.jpg --index photos.index --sheet photos.png

aesearch index train-images-idx3-ubyte.gz t10k-images-idx3-ubyte.gz
aesearch map -o map.png

python3 -m venv venv
venv/bin/pip install --quiet pillow matplotlib
venv/bin/python "$root/benches/compare/pareto.py" "$root/benches/runs/search.json" --picture search.png
venv/bin/python - "$pictures" photos.png map.png search.png <<'PYTHON'
import os
import sys
from PIL import Image
folder, *names = sys.argv[1:]
for name in names:
    colours = 256 if name == "photos.png" else 64
    picture = Image.open(name).convert("RGB").quantize(colours, dither=Image.Dither.NONE)
    picture.save(os.path.join(folder, name), optimize=True)
    print(f"{name}: {os.path.getsize(os.path.join(folder, name)):,} bytes")
PYTHON
