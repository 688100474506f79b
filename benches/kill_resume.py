"""Kills a training at random moments, lets it go on, and compares what it comes to with a training that ran through.

    python3 benches/kill_resume.py BINARY [IMAGES] [--family conv-hash] [--rounds 10] [--epochs 2] [--kills 3] [--seed 0] [-- MORE...]

IMAGES is what `aesearch train` takes; without it, a random IDX file as large as MNIST's training set (`--images` of 28x28) is
written, since the bytes do not matter here. Every round trains with SIGKILL at `--kills` moments drawn from the time that the
whole training took, each time going on with --resume, then once to the end. The round is equal when encoder.onnx and
decoder.onnx are, byte for byte. What stands behind -- goes to every training, such as -- --width 8 --denoise 0.3.
"""

import argparse
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FILES = ("encoder.onnx", "decoder.onnx")


def write_images(path, count, seed):
    """Blocks of random grey, 28x28: something that a network can learn a little of."""
    rng = random.Random(seed)
    with open(path, "wb") as file:
        file.write(struct.pack(">4B3I", 0, 0, 8, 3, count, 28, 28))
        for _ in range(count):
            blocks = [rng.randbytes(7) for _ in range(7)]
            for row in blocks:
                file.write(bytes(value for value in row for _ in range(4)) * 4)


def command(arguments, folder):
    fixed = ["--checkpoint-seconds", str(arguments.checkpoint_seconds), "--progress", "never", "-q", "-o", str(folder)]
    own = ["--family", arguments.family, "--epochs", str(arguments.epochs), "--threads", str(arguments.threads)]
    return [arguments.binary, "train", arguments.data, *own, *fixed, *arguments.more]


def finish(words):
    done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}: exit code {done.returncode}\n{done.stderr}")


def kill(words, after):
    """Starts, waits, kills; says whether it was still running then."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    error = process.communicate()[1]
    if process.returncode not in (0, -signal.SIGKILL):
        sys.exit(f"{' '.join(words)}: exit code {process.returncode}\n{error}")
    return process.returncode != 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", help="the aesearch to test")
    parser.add_argument("data", nargs="?", help="images to train on")
    parser.add_argument("--family", default="conv-hash")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--kills", type=int, default=3, help="in every round")
    parser.add_argument("--images", type=int, default=60_000, help="where none are given")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--checkpoint-seconds", type=float, default=1)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)
    arguments = parser.parse_args(words[:end])
    arguments.more = words[end + 1 :]
    arguments.binary = str(Path(arguments.binary).resolve())
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as work:
        if arguments.data is None:
            arguments.data = f"{work}/images-idx3-ubyte"
            write_images(arguments.data, arguments.images, arguments.seed)
        start = time.perf_counter()
        # the model's name, its folder's, is in the files: the same in every round
        whole = Path(work, "whole", "model")
        finish(command(arguments, whole))
        seconds = time.perf_counter() - start
        print(f"{arguments.family}: {seconds:.1f} s without a kill", flush=True)
        equal = 0
        for number in range(1, arguments.rounds + 1):
            folder = Path(work, str(number), "model")
            resumed = command(arguments, folder) + ["--resume"]
            moments = [rng.uniform(0, seconds) for _ in range(arguments.kills)]
            killed = [moment for moment in moments if not (folder / FILES[0]).exists() and kill(resumed, moment)]
            if not (folder / FILES[0]).exists():
                finish(resumed)
            same = all((whole / name).read_bytes() == (folder / name).read_bytes() for name in FILES)
            equal += same
            at = ", ".join(f"{moment:.1f} s" for moment in killed)
            print(f"round {number}: killed after {at or 'nothing'}: {'equal' if same else 'DIFFERENT'}", flush=True)
    print(f"{equal} of {arguments.rounds} equal")
    sys.exit(equal < arguments.rounds)


if __name__ == "__main__":
    main()
