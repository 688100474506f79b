#!/usr/bin/env bash
# Runs every command of tutorial.md, in their order, in a new folder: bash docs/tutorial.sh [FOLDER]
# The program is built from these sources, or is the one that $AESEARCH names.
set -euo pipefail
docs=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=${1:-tutorial}
[ ! -e "$folder" ] || { echo "$folder: expected a new folder, got one that is there" >&2; exit 2; }
aesearch() {
  if [ -n "${AESEARCH:-}" ]; then "$AESEARCH" "$@"; else cargo run --locked --quiet --release --manifest-path "$docs/../Cargo.toml" -- "$@"; fi
}
aesearch --version
mkdir -p "$folder"
cd "$folder"
while IFS= read -r line; do
  printf '\n$ %s\n' "$line"
  eval "$line"
done < <(awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$docs/tutorial.md")
printf '\nall of it is in %s\n' "$PWD"
