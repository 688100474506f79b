#!/usr/bin/env bash
# Makes the pictures of README.md and benchmarks.md: bash docs/pictures/make.sh DATA [FOLDER]
# DATA holds the folder mnist with its IDX files. Needs aesearch on the PATH, and python3 with pip for search.png, which
# shows benches/runs/search.json, and to take PNG files down to 64 colours. About a minute on two cores.
set -euo pipefail
data=$(cd "$1/mnist" && pwd)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
pictures=$(cd "${2:-$(dirname "${BASH_SOURCE[0]}")}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
ln -s "$data"/*.gz .

aesearch index train-images-idx3-ubyte.gz
aesearch query t10k-images-idx3-ubyte.gz#18 t10k-images-idx3-ubyte.gz#61 --sheet query.png
aesearch index t10k-images-idx3-ubyte.gz
aesearch map -o map.png

python3 -m venv venv
venv/bin/pip install --quiet pillow matplotlib
venv/bin/python "$root/benches/compare/pareto.py" "$root/benches/runs/search.json" --picture search.png
venv/bin/python - "$pictures" query.png map.png search.png <<'PYTHON'
import os
import sys
from PIL import Image
folder, *names = sys.argv[1:]
for name in names:
    picture = Image.open(name).convert("RGB").quantize(64, dither=Image.Dither.NONE)
    picture.save(os.path.join(folder, name), optimize=True)
    print(f"{name}: {os.path.getsize(os.path.join(folder, name)):,} bytes")
PYTHON
