#!/usr/bin/env bash
# Prints the licences of all that the program holds, its packages, font and weights: packaging/licenses.sh > LICENSES.md
# It needs cargo-about.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cargo about generate --locked --fail -c packaging/about.toml packaging/about.hbs
for inside in src/draw/fonts/OFL.txt models/photos/LICENSE-EfficientNet-Lite; do
  printf '\n## %s\n\n```\n%s\n```\n' "$inside" "$(cat "$inside")"
done
