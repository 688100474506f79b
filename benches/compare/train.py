"""Time of a training step of each family: aesearch, PyTorch and Keras in turn.

    .venv/bin/python benches/compare/train.py [--families conv,lstm] [--threads 1,2] [--rounds 5] [--save FILE]
    .venv/bin/python benches/compare/train.py --families photo,photo-tail --batch 32 --steps 4 --threads 1
    .venv/bin/python benches/compare/train.py --families photo --batch 64 --steps 20 --threads 1 --device cuda --rivals torch

Every contestant is a fresh process in every round. It trains on the same kind of images (28 x 28 grey, for `photo` 224 x 224 in
colour, for `photo-tail` what 13 of its 16 blocks make of them; arbitrary pixels: the time does not depend on them), warms up, and prints the times of its steps: forward, losses, gradients, Adam. With one thread
that is CPU time, with more, or on a GPU, wall time; batches start in main memory. A rival's figure is the best way that its manual offers; the fastest of them is the one to
compare with.
"""

import argparse
import json
import math
import statistics
import sys
import time

import measure

OURS = "aesearch"
TORCH = ("torch", "torch-channels-last", "torch-compile", "torch-compile-channels-last")
KERAS = ("keras", "keras-no-xla")
# Keras has no conv-hash: the objective would have to be written in PyTorch's way. Channels matter to convolutions alone.
RIVALS = {
    "conv": TORCH + KERAS,
    "dense": ("torch", "torch-compile") + KERAS,
    "lstm": ("torch", "torch-compile") + KERAS,
    "conv-hash": TORCH,
    "photo": TORCH,
    "photo-tail": TORCH,
}
SMALL = ("conv", "dense", "lstm", "conv-hash")
SHAPES = {"photo": (3, 224, 224), "photo-tail": (192, 7, 7)}
WARM_UP = 5
# Products and sums of a step per image, as the layers are written: forward, and twice as many for the gradients. What a
# contestant saves by a rewrite (aesearch: convolutions of upsampled images) shows as a higher rate.
MULTIPLICATIONS = {
    "conv": 14 * 14 * 9 * 16 + 7 * 7 * 9 * 16 * 32 + 2 * 16 * 4 * 32 * 32 + 64 * 9 * 32 * 32 + 196 * 9 * 32 * 16 + 784 * 9 * 16,
    "dense": 2 * (784 * 128 + 128 * 32),
    "lstm": 28 * (4 * 128 * (28 + 128) + 4 * 128 * (128 + 128) + 128 * 28),
    "conv-hash": 2 * (196 * 9 * 32 + 49 * 9 * 32 * 64 + 16 * 9 * 64 * 128 + 2048 * 64)
    + 64 * 1568 + 196 * 9 * 32 * 16 + 784 * 9 * 16,
    "photo": 396_490_464,
    "photo-tail": 108_237_184,
}  # fmt: skip


def images(family, count):
    import numpy as np

    shape = SHAPES.get(family, (1, 28, 28))
    pixels = np.arange(count * math.prod(shape), dtype=np.uint64) * np.uint64(2654435761) % np.uint64(251)
    return (pixels.astype(np.float32) / 255).reshape(count, *shape)


def is_cpu_time(threads, device):
    return threads == "1" and device == "cpu"


def worker(family, way, args):
    """Runs in a process of its own; prints one line of JSON."""
    clock = time.process_time if is_cpu_time(args.threads, args.device) else time.perf_counter
    threads, batch = int(args.threads), args.batch
    if way.startswith("keras"):
        import rivals_keras

        rivals_keras.use_threads(threads)
        times, version = rivals_keras.steps(family, way, images(family, batch * args.steps).reshape(-1, 28, 28), batch, clock)
    else:
        import rivals_torch

        rivals_torch.torch.set_num_threads(threads)
        if way == "sgemm":
            return print(json.dumps({"gflops": rivals_torch.sgemm(clock)}))
        n_steps = WARM_UP + args.steps
        # photos are large, and two batches of them enough
        pixels = images(family, batch * (2 if family in SHAPES else n_steps + 1))
        times, version = rivals_torch.steps(family, way, pixels, batch, n_steps, clock, args.device)
        times = times[WARM_UP:]
    print(json.dumps({"ms_per_step": [1000 * t for t in times], "version": version}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--families", default=",".join(SMALL), help="some of: " + ", ".join(RIVALS))
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--device", default="cpu", help="cpu or cuda; on a GPU with PyTorch alone")
    parser.add_argument("--rivals", help="some of: " + ", ".join(TORCH + KERAS))
    parser.add_argument("--save", metavar="FILE", help="write the raw figures as JSON")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        return worker(*args.worker, args)

    [step_time] = measure.build_benches("aesearch", "step_time")
    tables, versions, peaks = [], {}, {}
    for threads in args.threads.split(","):
        environment = {name: threads for name in measure.ONE_THREAD}

        def ask(*command):
            return measure.last_json(measure.run(command, environment)[0])

        def ask_worker(family, way):
            numbers = ["--batch", args.batch, "--steps", args.steps, "--threads", threads, "--device", args.device]
            return ask(sys.executable, __file__, "--worker", family, way, *numbers)

        peaks[threads] = ask_worker("none", "sgemm")["gflops"]
        for family in args.families.split(","):

            def step_ms(name):
                if name == OURS:
                    found = ask(step_time, family, args.batch, args.steps, threads, args.device)
                    versions[name] = f"onnxruntime {found['onnxruntime']}"
                    return statistics.median(found["cpu_ms" if is_cpu_time(threads, args.device) else "wall_ms"])
                found = ask_worker(family, name)
                versions[name] = found["version"]
                return statistics.median(found["ms_per_step"])

            wanted = args.rivals.split(",") if args.rivals else RIVALS[family]
            possible = RIVALS[family] if args.device == "cpu" else TORCH
            rivals = [name for name in possible if name in wanted]
            found = measure.alternate(args.rounds, [OURS, *rivals], step_ms)
            unit = "CPU ms" if is_cpu_time(threads, args.device) else "wall ms"
            table = measure.report(f"{family}, batch {args.batch}, {threads} thread(s), {args.device}", found, OURS, unit)
            gflop = 6 * MULTIPLICATIONS[family] * args.batch / 1e9
            for name, entry in table["contestants"].items():
                entry["gflops"] = gflop / entry["median"] * 1000
            rates = ", ".join(f"{name} {entry['gflops']:.0f}" for name, entry in table["contestants"].items())
            print(f"  GFLOP/s of {gflop:.2f} GFLOP as written: {rates}; SGEMM of this machine: {peaks[threads]:.0f}")
            best = min(rivals, key=lambda name: table["contestants"][name]["times_ours"])
            print(f"  aesearch is {table['contestants'][best]['times_ours']:.2f} times as fast as the fastest rival, {best}")
            tables.append(table)
            measure.save(args.save, tables, versions=versions, sgemm_gflops=peaks)
    for name, version in versions.items():
        print(f"{name}: {version}")


if __name__ == "__main__":
    main()
