#!/usr/bin/env bash
# An NVIDIA GPU beside the processor: do both give the same codes, and how fast are they? Then a training epoch, and
# steps beside PyTorch on the same GPU.
#
#     bash benches/cuda.sh PHOTOS [DEVICE]
#
# PHOTOS is a folder of photos, best 5,000 or more: opening a session on a GPU takes seconds, which count. DEVICE is
# cuda (the default) or cuda:N; with cpu the script can be tried where there is no GPU.
# Needs what the README names, and an NVIDIA driver with CUDA 12 and cuDNN 9. $PYTHON (default: python3) needs numpy and torch for
# the comparison, which is left out otherwise. $AESEARCH names a program that is built already.
set -euo pipefail

fail() {
  printf 'cuda.sh: %s\n' "$1" >&2
  exit "${2:-1}"
}

[ $# -ge 1 ] || fail 'expected a folder of photos: bash benches/cuda.sh PHOTOS [DEVICE]' 2
[ -d "$1" ] || fail "$1: expected a folder of photos, got none" 2
photos=$(realpath "$1")
device=${2:-cuda}
python=${PYTHON:-python3}
program=${AESEARCH:+$(realpath "$AESEARCH")}
cd "$(dirname "$0")/.."

if [ "$device" != cpu ]; then
  command -v nvidia-smi > /dev/null || fail 'no NVIDIA GPU: nvidia-smi, which comes with its driver, is not on the PATH'
  gpus=$(nvidia-smi -L) || fail "no NVIDIA GPU: nvidia-smi says: $gpus"
  printf '%s\n' "$gpus"
fi
if [ -z "$program" ]; then
  cargo build --release --locked
  program=${CARGO_TARGET_DIR:-target}/release/aesearch
fi
if [ "$device" != cpu ] && ! "$program" runtime show --json | grep -Eq '"cuda": ?true'; then
  fail "no CUDA build of ONNX Runtime: run '$program runtime install --cuda', then this again"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

index() { # name, device, binarizer
  "$program" index "$photos" --index "$work/$1" --model photos --device "$2" --binarizer "$3" --json > "$work/$1.json" ||
    [ $? -eq 3 ] # some images cannot be read
  "$program" export --index "$work/$1" --with codes,latents -o "$work/$1.jsonl" --quiet
}

# the same binarizer, so that nothing but the encoder differs; it is fitted first, which also reads all files once
index fitted cpu itq
index cpu cpu "$work/fitted"
index gpu "$device" "$work/fitted"
python3 - "$work" "$device" << 'END'
import json, sys

work, device = sys.argv[1:]
rows = {}
for name, where in (("cpu", "cpu"), ("gpu", device)):
    with open(f"{work}/{name}.json") as file:
        index = json.load(file)
    print(f"{where}: {index['images']} images in {index['seconds']:.1f} s, {index['images'] / index['seconds']:.1f} images/s")
    bits = index["model"]["bits"]
    with open(f"{work}/{name}.jsonl") as file:
        rows[name] = {row["path"]: row for row in map(json.loads, file)}
if rows["cpu"].keys() != rows["gpu"].keys():
    sys.exit("cuda.sh: expected the same images in both indexes, got others")
differ, rounding = [], 0
for path, a in rows["cpu"].items():
    b = rows["gpu"][path]
    flipped = (int(a["code"], 16) ^ int(b["code"], 16)).bit_count()
    # the index keeps a latent in 8 bits a number: rounding moves a number by one step of them at most
    step = max(map(abs, a["latent"])) / 127
    if all(abs(x - y) < 1.5 * step for x, y in zip(a["latent"], b["latent"])):
        rounding += flipped
    differ.append(flipped)
total = bits * len(differ)
print(f"bits that differ: {sum(differ)} of {total}, {sum(differ) / total:.6%}; in {sum(map(bool, differ))} codes, {max(differ)} at most in one")
print(f"of them by rounding (the latents agree to 8 bits): {rounding}; others, which are faults: {sum(differ) - rounding}")
END

"$program" train "$photos" --from photos --freeze none --epochs 1 --batch 32 --device "$device" -o "$work/model" --json > "$work/train.json" ||
  [ $? -eq 3 ]
python3 - "$work/train.json" << 'END'
import json, sys

with open(sys.argv[1]) as file:
    train = json.load(file)
seconds = train["epochs"][0]["seconds"]
print(f"a training epoch on {train['device']}: {train['images']} images in {seconds:.1f} s, {train['images'] / seconds:.1f} images/s")
END

ready='import numpy, sys, torch; sys.exit(sys.argv[1] != "cpu" and not torch.cuda.is_available())'
if "$python" -c "$ready" "$device" 2> /dev/null; then
  # an epoch of PyTorch is so many steps as these photos fill, 200 at most
  images=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["images"])' "$work/train.json")
  steps=$((images / 32 < 20 ? 20 : images / 32 > 200 ? 200 : images / 32))
  "$python" benches/compare/train.py --families photo --batch 32 --steps "$steps" --rounds 3 --threads 1 --device "$device" --rivals torch,torch-channels-last
else
  printf 'left out: steps beside PyTorch, as %s has no numpy, no torch, or no torch for this GPU\n' "$python"
fi
