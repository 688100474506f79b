"""The families of autoencoders as one would write them in PyTorch, layer for layer what `aesearch model show` prints."""

import math

import torch
from torch import nn
from torch.nn import functional as F

PULL = 1.0  # of latents towards their codes
WEIGHT, TEMPERATURE = 0.1, 0.3  # of the contrastive loss


def conv_autoencoder():
    pad, up = nn.ZeroPad2d((0, 1, 0, 1)), nn.Upsample(scale_factor=2)
    return nn.Sequential(
        pad, nn.Conv2d(1, 16, 3, 2), nn.ReLU(),
        pad, nn.Conv2d(16, 32, 3, 2), nn.ReLU(),
        pad, nn.Conv2d(32, 32, 2, 2), nn.ReLU(),
        pad, nn.Conv2d(32, 32, 2), nn.ReLU(), up,
        nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), up,
        nn.Conv2d(32, 16, 3), nn.ReLU(), up,
        nn.Conv2d(16, 1, 3, padding=1),
    )  # fmt: skip


def dense_autoencoder():
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 32), nn.ReLU(),
        nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 784),
        nn.Unflatten(1, (1, 28, 28)),
    )  # fmt: skip


class LstmAutoencoder(nn.Module):
    """Rows as a sequence; the last state of the encoder is what the decoder sees at every row."""

    def __init__(self, units=128, side=28):
        super().__init__()
        self.encoder = nn.LSTM(side, units, batch_first=True)
        self.decoder = nn.LSTM(units, units, batch_first=True)
        self.row = nn.Linear(units, side)

    def forward(self, images):
        _, (state, _) = self.encoder(images.squeeze(1))
        rows, _ = self.decoder(state[0].unsqueeze(1).expand(-1, images.shape[2], -1))
        return self.row(rows).unsqueeze(1)


class BiHalf(torch.autograd.Function):
    """1 for the larger half of the batch, -1 for the other; straight through, with a pull towards the code."""

    @staticmethod
    def forward(ctx, latent):
        code = torch.where(latent >= latent.median(0).values, 1.0, -1.0)
        ctx.save_for_backward(latent - code)
        return code

    @staticmethod
    def backward(ctx, gradient):
        (distance,) = ctx.saved_tensors
        return gradient + PULL / distance.numel() * distance


class ConvHash(nn.Module):
    def __init__(self, bits=64, width=32):
        super().__init__()
        layers, before = [], 1
        for filters, pad in ((width, (0, 1, 0, 1)), (2 * width, (0, 1, 0, 1)), (4 * width, (1, 1, 1, 1))):
            layers += [nn.ZeroPad2d(pad), nn.Conv2d(before, filters, 3, 2, bias=False), nn.BatchNorm2d(filters), nn.ReLU()]
            before = filters
        latent = [nn.Flatten(), nn.Linear(4 * 4 * before, bits, bias=False), nn.BatchNorm1d(bits, affine=False)]
        self.encoder = nn.Sequential(*layers, *latent)
        self.decoder = nn.Sequential(
            nn.Linear(bits, 32 * 49), nn.ReLU(), nn.Unflatten(1, (32, 7, 7)), nn.Upsample(scale_factor=2),
            nn.Conv2d(32, 16, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2),
            nn.Conv2d(16, 1, 3, padding=1),
        )  # fmt: skip

    def forward(self, views):
        codes = BiHalf.apply(self.encoder(views))
        return self.decoder(codes[: len(codes) // 2]), codes


class Same(nn.Module):
    """A convolution with the padding of TensorFlow, which puts the larger half behind."""

    def __init__(self, size, channels, filters, kernel, stride, groups=1):
        super().__init__()
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        self.pad = (total // 2, total - total // 2) * 2 if total % 2 else None
        self.conv = nn.Conv2d(channels, filters, kernel, stride, 0 if self.pad else total // 2, groups=groups)

    def forward(self, x):
        return self.conv(F.pad(x, self.pad) if self.pad else x)


class Block(nn.Module):
    def __init__(self, size, channels, filters, kernel, stride, expansion):
        super().__init__()
        wide = expansion * channels
        widen = [nn.Conv2d(channels, wide, 1), nn.ReLU6(True)] if expansion > 1 else []
        depthwise = Same(size, wide, wide, kernel, stride, wide)
        self.layers = nn.Sequential(*widen, depthwise, nn.ReLU6(True), nn.Conv2d(wide, filters, 1))
        self.skip = stride == 1 and channels == filters

    def forward(self, x):
        return self.layers(x) + x if self.skip else self.layers(x)


# blocks, kernel, stride of the first one, expansion, filters
STAGES = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320))


def photo(frozen=0):
    """EfficientNet-Lite0 with normalizations folded, its projection and decoder; from block `frozen` on."""
    blocks, size, channels = [], 112, 32
    for count, kernel, first_stride, expansion, filters in STAGES:
        for block in range(count):
            stride = 1 if block else first_stride
            blocks.append(Block(size, channels, filters, kernel, stride, expansion))
            size, channels = size // stride, filters
    stem = [] if frozen else [Same(224, 3, 32, 3, 2), nn.ReLU6(True)]
    return nn.Sequential(
        *stem, *blocks[frozen:], nn.Conv2d(320, 1280, 1), nn.ReLU6(True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 256),
        nn.Linear(256, 64 * 64), nn.ReLU(True), nn.Unflatten(1, (64, 8, 8)), nn.Upsample(scale_factor=2),
        nn.Conv2d(64, 32, 3, padding=1), nn.ReLU(True), nn.Upsample(scale_factor=2),
        nn.Conv2d(32, 16, 3, padding=1), nn.ReLU(True), nn.Upsample(scale_factor=2),
        nn.Conv2d(16, 3, 3, padding=1),
    )  # fmt: skip


def photo_tail():
    """The last three of its sixteen blocks, and what follows."""
    return photo(frozen=13)


def photo_loss(model, images):
    logits = model(images)
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, 0.5))


def contrastive_loss(codes):
    unit = F.normalize(codes)
    similarity = unit @ unit.T / TEMPERATURE
    similarity.fill_diagonal_(-math.inf)
    n = len(codes)
    return F.cross_entropy(similarity, torch.arange(n, device=codes.device).roll(n // 2))


def hash_loss(model, views):
    logits, codes = model(views)
    return F.binary_cross_entropy_with_logits(logits, views[: len(logits)]) + WEIGHT * contrastive_loss(codes)


def reconstruction_loss(model, images):
    return F.binary_cross_entropy_with_logits(model(images), images)


FAMILIES = {
    "conv": (conv_autoencoder, reconstruction_loss, 1),
    "dense": (dense_autoencoder, reconstruction_loss, 1),
    "lstm": (LstmAutoencoder, reconstruction_loss, 1),
    "conv-hash": (ConvHash, hash_loss, 2),
    "photo": (photo, photo_loss, 1),
    "photo-tail": (photo_tail, photo_loss, 1),
}


def steps(family, way, images, batch, n_steps, clock, device="cpu"):
    """Times of training steps on `images` [n, C, H, W], in turn; `way` is "torch" with "-channels-last" or "-compile"."""
    make, loss_of, views = FAMILIES[family]
    torch.manual_seed(0)
    model = make().to(device)
    x = torch.from_numpy(images)
    if "channels-last" in way:
        model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    loss = torch.compile(loss_of) if "compile" in way else loss_of
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-4 if views == 2 else 0.0, fused=True)
    times = []
    for step in range(n_steps):
        at = step * batch % (len(images) - views * batch + 1)
        start = clock()
        optimizer.zero_grad(set_to_none=True)
        loss(model, x[at : at + views * batch].to(device)).backward()
        optimizer.step()
        if device != "cpu":
            torch.cuda.synchronize(device)
        times.append(clock() - start)
    return times, torch.__version__


def sgemm(clock, side=1024):
    """GFLOP/s of a product of square matrices, the best of ten."""
    a, b = torch.rand(side, side), torch.rand(side, side)
    torch.mm(a, b)
    best = math.inf
    for _ in range(10):
        start = clock()
        torch.mm(a, b)
        best = min(best, clock() - start)
    return 2 * side**3 / best / 1e9
