"""Writes torch_conv.json and torch_dense.json beside this file: what PyTorch makes of one training step, and of three.

    python -m venv .venv && .venv/bin/pip install torch numpy && .venv/bin/python tests/data/torch_reference.py

The Rust tests rebuild the same parameters and images from a linear congruential generator, so the files hold only what
is compared. One stream of numbers per file (state = SEED at first), drawn in this order: for each layer its weight, then
its bias; then the images.

    state = state * 6364136223846793005 + 1442695040888963407   (mod 2^64)
    u     = (state >> 40) / 2^24                                 (0 <= u < 1, exact in f32)
    parameter = (u - 0.5) * scale                                (f32; `scale` stands beside each tensor)
    pixel     = u if u >= 0.5 else 0                             (about half of the pixels are black)

Layouts: convolution weights [out, in, ky, kx], dense weights [out, in], images [N, 1, 28, 28], all row by row. 'Same'
padding of an odd amount has its larger half behind. Loss: binary cross-entropy of the sigmoid output, mean over images
and pixels. Adam: lr 1e-3, beta 0.9 and 0.999, eps 1e-7 added to sqrt(v / (1 - beta2^t)); the same images in every step.
Everything is computed in f64 from parameters and pixels that are exact in f32.

Each summary of a tensor: `first` (its first FIRST numbers), `sum`, `norm` (Euclidean), and `weighted`, the sum of
x[i] * (i % 97 + 1), which tells a permutation.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

SEED = 20240607
IMAGES = 4
FIRST = 64


class Stream:
    def __init__(self, seed):
        self.state = seed

    def draw(self, count):
        out = np.empty(count, np.float32)
        for i in range(count):
            self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
            out[i] = (self.state >> 40) / 2**24
        return out


class Pad(nn.Module):
    """Zeros behind the last row and column, as 'same' padding puts an odd one."""

    def forward(self, x):
        return F.pad(x, (0, 1, 0, 1))


class Images(nn.Module):
    def forward(self, x):
        return x.reshape(len(x), 1, 28, 28)


def conv():
    """16 3x3 s2, 32 3x3 s2, 32 2x2 s2 | 32 2x2, up, 32 3x3, up, 16 3x3 valid, up, 1 3x3."""
    up = nn.Upsample(scale_factor=2)
    return nn.Sequential(
        Pad(), nn.Conv2d(1, 16, 3, 2), nn.ReLU(),
        Pad(), nn.Conv2d(16, 32, 3, 2, padding=0), nn.ReLU(),
        Pad(), nn.Conv2d(32, 32, 2, 2), nn.ReLU(),
        Pad(), nn.Conv2d(32, 32, 2), nn.ReLU(), up,
        nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), up,
        nn.Conv2d(32, 16, 3), nn.ReLU(), up,
        nn.Conv2d(16, 1, 3, padding=1),
    )  # fmt: skip


def dense():
    """784-128-32-128-784."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 32), nn.ReLU(),
        nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 784), Images(),
    )  # fmt: skip


def scale_of(tensor):
    """Twice the He limit of a weight, to three digits; 0.1 for a bias."""
    if tensor.dim() == 1:
        return 0.1
    return float(f"{2 * (6 / tensor[0].numel()) ** 0.5:.3g}")


def summary(tensor):
    x = tensor.detach().reshape(-1)
    weights = torch.arange(len(x), dtype=torch.float64) % 97 + 1
    return {
        "first": [float(f"{v:.9g}") for v in x[:FIRST].tolist()],
        "sum": float(x.sum()),
        "norm": float(x.norm()),
        "weighted": float((x * weights).sum()),
    }


def reference(family, model):
    stream = Stream(SEED)
    model = model.double()
    parameters = list(model.parameters())
    tensors = []
    with torch.no_grad():
        for i, p in enumerate(parameters):
            scale = scale_of(p)
            values = (stream.draw(p.numel()) - np.float32(0.5)) * np.float32(scale)
            p.copy_(torch.from_numpy(values.astype(np.float64)).reshape(p.shape))
            name = f"layer{i // 2 + 1}.{'weight' if p.dim() > 1 else 'bias'}"
            tensors.append({"name": name, "shape": list(p.shape), "scale": scale, "initial": summary(p)})
    u = stream.draw(IMAGES * 784)
    images = torch.from_numpy(np.where(u >= 0.5, u, 0).astype(np.float64)).reshape(IMAGES, 1, 28, 28)

    adam = torch.optim.Adam(parameters, lr=1e-3, betas=(0.9, 0.999), eps=1e-7)
    losses = []
    for step in (1, 2, 3):
        adam.zero_grad()
        logits = model(images)
        loss = F.binary_cross_entropy_with_logits(logits, images)
        loss.backward()
        losses.append(loss.item())
        if step == 1:
            output = summary(torch.sigmoid(logits))
            for tensor, p in zip(tensors, parameters):
                tensor["gradient"] = summary(p.grad)
        adam.step()
        if step in (1, 3):
            for tensor, p in zip(tensors, parameters):
                tensor[f"after_{step}"] = summary(p)
    return {
        "family": family,
        "torch": torch.__version__.split("+")[0],
        "seed": SEED,
        "images": IMAGES,
        "images_summary": summary(images),
        "output": output,
        "losses": losses,
        "tensors": tensors,
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    for family, model in (("conv", conv()), ("dense", dense())):
        path = Path(__file__).parent / f"torch_{family}.json"
        found = reference(family, model)
        tensors = ",\n  ".join(json.dumps(tensor) for tensor in found.pop("tensors"))
        path.write_text(json.dumps(found)[:-1] + f', "tensors": [\n  {tensors}\n]}}\n')
        print(path, path.stat().st_size, "bytes")
