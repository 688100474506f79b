# What `run`, `nightly` and `package` share; sourced by them, from the repository's root. Both need Rust (cargo, clippy, rustfmt), python3 with pip
# and venv, and the data sets in ../shared/data, or in $AESEARCH_DATA; Chromium, node and npm are installed by apt-get where they
# are not there. They build into $CARGO_TARGET_DIR, or target/.
root=$PWD
target=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")
data=${AESEARCH_DATA:-$root/../shared/data}
export AESEARCH_DATA=$data
export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0 RUST_BACKTRACE=1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/demo"

passed=0
step() { # title, command...
  local title=$1 start=$SECONDS
  shift
  printf '\n== %s\n' "$title"
  if ! "$@"; then
    printf '\n== %s FAILED\n%s passed, 1 failed\n' "$title" "$passed"
    exit 1
  fi
  passed=$((passed + 1))
  printf '== %s: %s s\n' "$title" $((SECONDS - start))
}

all_passed() {
  printf '\n%s passed, 0 failed\n' "$passed"
}

data_is_there() {
  local missing=0 file
  for file in {train,t10k}-{images-idx3,labels-idx1}-ubyte.gz; do
    [ -f "$data/mnist/$file" ] || { echo "missing: $data/mnist/$file" >&2; missing=1; }
  done
  return $missing
}

toolchain() {
  cargo fmt --version && cargo clippy --version || rustup component add rustfmt clippy
  python3 -m venv "$work/venv"
}

# The program and the Python module, for release. In one go: pyo3 and arrow turn on features of crates that both share, and by
# itself each would compile them, and the library, for itself.
release() { # --target TRIPLE, or nothing
  cargo build --locked --release -p aesearch -p aesearch-python --features aesearch-python/extension-module "$@"
}

# The program, as `release` built it.
aesearch() {
  "$target/release/aesearch" "$@"
}

# What the first command of the README runs, in an empty folder: ten neighbours of a seven, nine or more of them sevens.
demo() {
  (cd "$work/demo" && aesearch demo) | tee "$work/demo.txt"
  sevens "$work/demo.txt"
}

sevens() { # what the demo printed
  local all sevens
  all=$(grep -cE 'digits/[0-9]/' "$1" || true)
  sevens=$(grep -cE 'digits/7/' "$1" || true)
  echo "neighbours: $all, sevens among them: $sevens"
  [ "$all" -eq 10 ] && [ "$sevens" -ge 9 ]
}

# Chromium, node, and in $work/node the checks of pages with what they need.
chromium() {
  local missing=() program package
  for program in chromium node npm; do
    package=${program/%node/nodejs}
    command -v "$program" > /dev/null || missing+=("$package")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" || return 1
  fi
  mkdir "$work/node" && cp .ci/package.json .ci/*.mjs "$work/node" &&
    (cd "$work/node" && npm install --no-audit --no-fund --silent)
}

# Pages of collections, used in Chromium as a person would: by pointer, keys and touch, in light and dark; no request may leave
# them, and the map must move smoothly.
collections_in_chromium() { # page...
  node "$work/node/explore_check.mjs" --pictures "$work/demo" --frame-ms 25 "$@"
}

# Every crate as it would be published; each must be under 10 MB. That of the Python module is published as a wheel only.
packages() { # --no-verify, or nothing to build each from its own files
  local archive bytes
  rm -rf "$target/package" && cargo package --locked --quiet --workspace --exclude aesearch-python --allow-dirty "$@" || return 1
  for archive in "$target"/package/*.crate; do
    bytes=$(wc -c < "$archive")
    echo "$(basename "$archive"): $bytes bytes"
    [ "$bytes" -lt 10000000 ] || return 1
  done
}
