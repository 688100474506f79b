"""Queries by `query --stdin` in a second, beside what the encoder alone does.

    python3 benches/queries.py BINARY IMAGES [--model photos-128] [--count 10000] [--threads N] [--rounds 3]

IMAGES is one container whose entries are numbered, such as MNIST's t10k-images-idx3-ubyte.gz. Each round indexes it anew and
takes the time that its threads took to read, decode, resize and encode (`stages` of `index --json`: what encoding comes to if no
thread ever waits), then asks the index about the first images by their names, and takes the time from the first answer to the
last. The ratio is that of the second to the first, in images a second; 1 is an encoder that is never idle, and queries that
cost nothing else. The share of the model itself in the first is told, too.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time


def encoder(arguments, folder):
    """Images a second, of all threads together; the model's share of the time."""
    words = [arguments.binary, "index", arguments.images, "--model", arguments.model, "--index", folder]
    words += ["--threads", str(arguments.threads), "--invert", "never", "--binarizer", arguments.binarizer, "--json", "-q"]
    done = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
    took = sum(done["stages"][stage] for stage in ("read", "hash", "decode", "resize", "encode"))
    return done["encoded"] * arguments.threads / took, done["stages"]["encode"] / took


def queries(arguments, folder):
    """Answers a second."""
    words = [arguments.binary, "query", "--stdin", "--index", folder, "--threads", str(arguments.threads), "-q"]
    words += ["--invert", "never"]
    asked = "".join(f'"{arguments.images}#{i}"\n' for i in range(arguments.count))
    with tempfile.TemporaryFile() as lines:
        lines.write(asked.encode())
        lines.seek(0)
        process = subprocess.Popen(words, stdin=lines, stdout=subprocess.PIPE)
        first, n = None, 0
        for line in process.stdout:
            first = first or time.perf_counter()
            assert b'"error"' not in line, line
            n += 1
        took = time.perf_counter() - first
    assert process.wait() == 0 and n == arguments.count, n
    return (n - 1) / took


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("images")
    parser.add_argument("--model", default="photos-128")
    parser.add_argument("--binarizer", default="itq")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    ratios = []
    for number in range(arguments.rounds):
        with tempfile.TemporaryDirectory() as folder:
            encoded, share = encoder(arguments, f"{folder}/index")
            answered = queries(arguments, f"{folder}/index")
        ratios.append(answered / encoded)
        told = f"encoding {encoded:.0f}/s (model {share:.0%}), queries {answered:.0f}/s, ratio {ratios[-1]:.3f}"
        print(f"round {number}: {told}", flush=True)
    print(f"median ratio {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    main()
