"""Step time of the article's convolutional autoencoder, batch 128, one thread: aesearch, PyTorch and Keras in turn.

    .venv/bin/python benches/compare/train.py [--rounds 5] [--steps 50] [--rivals torch,keras,...] [--save FILE]

Every contestant is a fresh process in every round. It trains on the same kind of images (28 x 28 grey, arbitrary pixels: the
time does not depend on them), warms up, and prints the CPU time of its steps: forward, binary cross-entropy, gradients, Adam.
A rival's figure is the best way that its manual offers; the faster of a rival's ways is the one to compare with.
"""

import argparse
import json
import os
import statistics
import time

import measure

OURS = "aesearch"
RIVALS = ("torch", "torch-channels-last", "keras", "keras-no-xla")
OPTIONAL = ("torch-compile", "torch-compile-channels-last")
WARM_UP = 5


def images(count):
    import numpy as np

    pixels = np.arange(count * 784, dtype=np.uint64) * np.uint64(2654435761) % np.uint64(251)
    return (pixels.astype(np.float32) / 255).reshape(count, 28, 28)


def torch_steps(way, batch, steps):
    import torch
    from torch import nn
    from torch.nn import functional as F

    torch.set_num_threads(1)
    torch.manual_seed(0)
    pad, up = nn.ZeroPad2d((0, 1, 0, 1)), nn.Upsample(scale_factor=2)
    model = nn.Sequential(
        pad, nn.Conv2d(1, 16, 3, 2), nn.ReLU(),
        pad, nn.Conv2d(16, 32, 3, 2), nn.ReLU(),
        pad, nn.Conv2d(32, 32, 2, 2), nn.ReLU(),
        pad, nn.Conv2d(32, 32, 2), nn.ReLU(), up,
        nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), up,
        nn.Conv2d(32, 16, 3), nn.ReLU(), up,
        nn.Conv2d(16, 1, 3, padding=1),
    )  # fmt: skip
    x = torch.from_numpy(images(batch * 8)).reshape(-1, 1, 28, 28)
    if "channels-last" in way:
        model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)

    def loss_of(batch):
        return F.binary_cross_entropy_with_logits(model(batch), batch)

    if "compile" in way:
        loss_of = torch.compile(loss_of)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    times = []
    for step in range(WARM_UP + steps):
        start = time.process_time()
        at = step % 8 * batch
        adam.zero_grad(set_to_none=True)
        loss_of(x[at : at + batch]).backward()
        adam.step()
        times.append(time.process_time() - start)
    return times[WARM_UP:], torch.__version__


def keras_steps(way, batch, steps):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    same, relu = {"padding": "same"}, {"activation": "relu"}
    model = keras.Sequential([
        layers.Input((28, 28, 1)),
        layers.Conv2D(16, 3, 2, **same, **relu),
        layers.Conv2D(32, 3, 2, **same, **relu),
        layers.Conv2D(32, 2, 2, **same, **relu),
        layers.Conv2D(32, 2, **same, **relu), layers.UpSampling2D(2),
        layers.Conv2D(32, 3, **same, **relu), layers.UpSampling2D(2),
        layers.Conv2D(16, 3, **relu), layers.UpSampling2D(2),
        layers.Conv2D(1, 3, **same, activation="sigmoid"),
    ])  # fmt: skip
    xla = {"jit_compile": False} if way == "keras-no-xla" else {}
    model.compile("adam", "binary_crossentropy", **xla)
    x = images(batch * steps)[..., None]
    model.fit(x, x, batch_size=batch, verbose=0)
    # `fit` runs a whole epoch in compiled code: no time of a single step, so the mean of each of five epochs
    times = []
    for _ in range(5):
        start = time.process_time()
        model.fit(x, x, batch_size=batch, verbose=0)
        times.append((time.process_time() - start) / steps)
    return times, f"{keras.__version__} on tensorflow {tf.__version__}"


def worker(way, batch, steps):
    times, version = (keras_steps if way.startswith("keras") else torch_steps)(way, batch, steps)
    print(json.dumps({"ms_per_step_cpu": [1000 * t for t in times], "version": version}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rivals", default=",".join(RIVALS), help=f"also: {', '.join(OPTIONAL)}")
    parser.add_argument("--save", metavar="FILE", help="write the raw figures as JSON")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        return worker(args.worker, args.batch, args.steps)

    import sys

    step_time = measure.build("--example", "step_time") / "examples" / "step_time"
    numbers = [str(args.batch), str(args.steps)]
    versions = {}

    def step_ms(name):
        if name == OURS:
            command = [step_time, "conv", *numbers, "1"]
        else:
            command = [sys.executable, __file__, "--worker", name, "--batch", numbers[0], "--steps", numbers[1]]
        found = measure.last_json(measure.run(command)[0])
        versions[name] = found.get("version") or f"onnxruntime {found.get('onnxruntime')}"
        return statistics.median(found["ms_per_step_cpu"])

    rivals = args.rivals.split(",")
    found = measure.alternate(args.rounds, [OURS, *rivals], step_ms)
    table = measure.report(f"training step, batch {args.batch}, one thread", found, OURS, "CPU ms")
    for name, version in versions.items():
        print(f"  {name}: {version}")
    best = min(entry["times_ours"] for name, entry in table["contestants"].items() if name != OURS)
    print(f"\naesearch is {best:.2f} times as fast as the fastest rival")
    measure.save(args.save, [table], versions=versions)


if __name__ == "__main__":
    main()
