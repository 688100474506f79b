"""Writes torch_conv.json, torch_dense.json and torch_photo.json beside this file: what PyTorch makes of one training step,
and of three (of photo: of one, and its gradients alone).

    python -m venv .venv && .venv/bin/pip install torch numpy && .venv/bin/python tests/data/torch_reference.py

The Rust tests rebuild the same parameters and images from a linear congruential generator, so the files hold only what
is compared. One stream of numbers per file (state = SEED at first), drawn in this order: for each layer its weight, then
its bias; then the images; for photo then the targets.

    state = state * 6364136223846793005 + 1442695040888963407   (mod 2^64)
    u     = (state >> 40) / 2^24                                 (0 <= u < 1, exact in f32)
    parameter = (u - 0.5) * scale                                (f32; `scale` stands beside each tensor)
    pixel     = u if u >= 0.5 else 0                             (about half of the pixels are black)

Layouts: convolution weights [out, in, ky, kx], dense weights [out, in], images [N, C, H, W], all row by row. 'Same'
padding of an odd amount has its larger half behind. Loss: binary cross-entropy of the sigmoid output, mean over images
and pixels. Adam: lr 1e-3, beta 0.9 and 0.999, eps 1e-7 added to sqrt(v / (1 - beta2^t)); the same images in every step.
Everything is computed in f64 from parameters and pixels that are exact in f32.

Each summary of a tensor: `first` (its first FIRST numbers), `sum`, `norm` (Euclidean), and `weighted`, the sum of
x[i] * (i % 97 + 1), which tells a permutation.
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

SEED = 20240607
IMAGES = {"conv": 4, "dense": 4, "photo": 2}
FIRST = {"conv": 64, "dense": 64, "photo": 6}
SHAPE = {"conv": (1, 28, 28), "dense": (1, 28, 28), "photo": (3, 96, 96)}
TARGET = (3, 64, 64)


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


class Centre(nn.Module):
    def forward(self, x):
        return (255 * x - 127) / 128


class Same(nn.Module):
    """Zeros around as TensorFlow puts them, then a convolution."""

    def __init__(self, size, channels, filters, kernel, stride, groups=1):
        super().__init__()
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        self.pad = (total // 2, total - total // 2) * 2
        self.conv = nn.Conv2d(channels, filters, kernel, stride, groups=groups)

    def forward(self, x):
        return self.conv(F.pad(x, self.pad))


class Block(nn.Module):
    def __init__(self, size, channels, filters, kernel, stride, expansion):
        super().__init__()
        wide = expansion * channels
        widen = [nn.Conv2d(channels, wide, 1), nn.ReLU6()] if expansion > 1 else []
        self.layers = nn.Sequential(*widen, Same(size, wide, wide, kernel, stride, wide), nn.ReLU6(), nn.Conv2d(wide, filters, 1))
        self.skip = stride == 1 and channels == filters

    def forward(self, x):
        return self.layers(x) + x if self.skip else self.layers(x)


def photo():
    """`photo` with width 25 and depth 40: (blocks, kernel, stride, expansion, filters) of each stage."""
    stages = ((1, 3, 1, 1, 8), (1, 3, 2, 6, 8), (1, 5, 2, 6, 16), (2, 3, 2, 6, 24), (2, 5, 1, 6, 32), (2, 5, 2, 6, 48), (1, 3, 1, 6, 80))
    layers, size, channels = [Centre(), Same(96, 3, 8, 3, 2), nn.ReLU6()], 48, 8
    for blocks, kernel, first_stride, expansion, filters in stages:
        for block in range(blocks):
            stride = 1 if block else first_stride
            layers.append(Block(size, channels, filters, kernel, stride, expansion))
            size, channels = size // stride, filters
    up = nn.Upsample(scale_factor=2)
    return nn.Sequential(
        *layers, nn.Conv2d(80, 320, 1), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(320, 256),
        nn.Linear(256, 4096), nn.ReLU(), nn.Unflatten(1, (64, 8, 8)), up,
        nn.Conv2d(64, 32, 3, padding=1), nn.ReLU(), up,
        nn.Conv2d(32, 16, 3, padding=1), nn.ReLU(), up,
        nn.Conv2d(16, 3, 3, padding=1),
    )  # fmt: skip


def scale_of(tensor):
    """Twice the He limit of a weight, to three digits; 0.1 for a bias."""
    if tensor.dim() == 1:
        return 0.1
    return float(f"{2 * (6 / tensor[0].numel()) ** 0.5:.3g}")


def summary(tensor, first):
    x = tensor.detach().reshape(-1)
    weights = torch.arange(len(x), dtype=torch.float64) % 97 + 1
    return {
        "first": [float(f"{v:.9g}") for v in x[:first].tolist()],
        "sum": float(x.sum()),
        "norm": float(x.norm()),
        "weighted": float((x * weights).sum()),
    }


def reference(family, model):
    def brief(tensor):
        return summary(tensor, FIRST[family])

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
            tensors.append({"name": name, "shape": list(p.shape), "scale": scale, "initial": brief(p)})

    def pixels(shape):
        u = stream.draw(math.prod(shape))
        return torch.from_numpy(np.where(u >= 0.5, u, 0).astype(np.float64)).reshape(shape)

    images = pixels((IMAGES[family], *SHAPE[family]))
    target = pixels((IMAGES[family], *TARGET)) if family == "photo" else images

    adam = torch.optim.Adam(parameters, lr=1e-3, betas=(0.9, 0.999), eps=1e-7)
    losses = []
    for step in (1,) if family == "photo" else (1, 2, 3):
        adam.zero_grad()
        logits = model(images)
        loss = F.binary_cross_entropy_with_logits(logits, target)
        loss.backward()
        losses.append(loss.item())
        if step == 1:
            output = brief(torch.sigmoid(logits))
            for tensor, p in zip(tensors, parameters):
                tensor["gradient"] = brief(p.grad)
        adam.step()
        if step in (1, 3) and family != "photo":
            for tensor, p in zip(tensors, parameters):
                tensor[f"after_{step}"] = brief(p)
    return {
        "family": family,
        "torch": torch.__version__.split("+")[0],
        "seed": SEED,
        "images": IMAGES[family],
        "images_summary": brief(images),
        "output": output,
        "losses": losses,
        "tensors": tensors,
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    for family, model in (("conv", conv()), ("dense", dense()), ("photo", photo())):
        path = Path(__file__).parent / f"torch_{family}.json"
        found = reference(family, model)
        tensors = ",\n  ".join(json.dumps(tensor) for tensor in found.pop("tensors"))
        path.write_text(json.dumps(found)[:-1] + f', "tensors": [\n  {tensors}\n]}}\n')
        print(path, path.stat().st_size, "bytes")
