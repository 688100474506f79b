"""A folder of photos watched while some of them change: how long after the last change is the index right?

    cargo build --release
    .venv/bin/python benches/watch.py target/release/aesearch [--photos 10000] [--changes 500] [--over 5] [--model photos-128]

Photos of 320x240 pixels are drawn from seeds. Three in five of the changes write a photo anew, one in five removes one, one in
five renames one; they are spread over so many seconds (0: as fast as the disk takes them). The index is right once a report has
come after which it holds the names that are on the disk; `verify` and another run have to agree.
"""

import argparse
import json
import random
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image


def draw(seed, path):
    """A photo of soft colours."""
    small = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(small).resize((320, 240), Image.BICUBIC).save(path, quality=85)


def documents(path):
    """The JSON documents in a file that is being written."""
    text, at, found = path.read_text(), 0, []
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        try:
            document, at = json.JSONDecoder().raw_decode(text, at)
        except ValueError:
            break
        found.append(document)
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("aesearch")
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--changes", type=int, default=500)
    parser.add_argument("--over", type=float, default=5.0)
    parser.add_argument("--model", default="photos-128")
    options = parser.parse_args()
    program = Path(options.aesearch).resolve()
    with tempfile.TemporaryDirectory() as root:
        root = Path(root)
        files = [root / f"photos/{n // 500:02}/{n:05}.jpg" for n in range(options.photos)]
        for n, file in enumerate(files):
            file.parent.mkdir(parents=True, exist_ok=True)
            draw(n, file)
        out = root / "out.json"
        command = [program, "index", "photos", "--watch", "--json", "--model", options.model]
        with out.open("w") as to, (root / "err.txt").open("w") as err:
            watch = subprocess.Popen(command, cwd=root, stdout=to, stderr=err)
        while not documents(out):
            time.sleep(0.2)
        time.sleep(1)
        chosen = random.Random(1).sample(files, options.changes)
        start = time.time()
        for n, file in enumerate(chosen):
            if n % 5 < 3:
                draw(options.photos + n, file)
            elif n % 5 == 3:
                file.unlink()
            else:
                file.rename(file.with_suffix(".renamed.jpg"))
            time.sleep(options.over / options.changes)
        last = time.time()
        expected = sum(1 for _ in root.glob("photos/*/*.jpg"))
        reports, right = 1, last
        while time.time() - max(right, last) < 10:  # nothing comes any more
            if len(documents(out)) > reports:
                reports, right = len(documents(out)), time.time()
            time.sleep(0.02)
        watch.send_signal(signal.SIGINT)
        code = watch.wait()
        run = lambda *args: subprocess.run([program, *args, "--json"], cwd=root, capture_output=True, text=True)
        again = json.loads(run("index", "photos").stdout)
        is_right = again["images"] == again["unchanged"] == expected and json.loads(run("verify").stdout)["ok"]
        print(
            f"{options.changes} changes in {last - start:.1f} s: right {right - last:.2f} s after the last, in {reports - 1} runs; "
            f"exit code {code}, {'right' if is_right else 'WRONG'}"
        )
        for report in documents(out)[1:]:
            print({key: report[key] for key in ("added", "changed", "removed", "renamed", "encoded", "seconds")})


if __name__ == "__main__":
    main()
