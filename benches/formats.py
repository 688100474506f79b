"""Files that Pillow writes in all its modes and formats, against what Pillow reads of them: no wrong pixel, no refusal.

    .venv/bin/pip install numpy pillow
    cargo build --release --example to_png
    .venv/bin/python benches/formats.py --to-png target/release/examples/to_png [--files 4000] [--seed 1] [--keep FOLDER]

Sizes, pictures, modes, compressions, orientations and profiles are drawn from the seed. What Pillow itself makes of a file is
the truth: opened, turned by its EXIF, the profile applied (LittleCMS), laid over white or black, in 8 bits. The greatest
difference of a sample may be `TOLERANCE` for the kind. Refused and wrong ones are listed.

    .venv/bin/pip install pillow-heif pillow-avif-plugin pillow-jxl-plugin rawpy
    .venv/bin/python benches/formats.py --to-png target/release/examples/to_png --samples FOLDER

compares files of other formats (HEIC, AVIF, JPEG XL, RAW) with libheif, libavif, libjxl, and the largest preview that LibRaw finds.
These decoders enlarge chroma in ways of their own, so that the mean difference of the luma decides: at most `LUMA`.

formats_table.py beside it has one picture in all formats, orientations, profiles and depths.
"""

import argparse
import collections
import io
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps

TIFF_COMPRESSIONS = {
    "1": [None, "group3", "group4", "tiff_ccitt", "packbits", "tiff_lzw", "tiff_adobe_deflate", "zstd"],
    "L": [None, "packbits", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "jpeg", "zstd"],
    "LA": [None, "packbits", "tiff_lzw", "tiff_adobe_deflate", "zstd"],
    "P": [None, "packbits", "tiff_lzw", "tiff_adobe_deflate"],
    "PA": [None, "tiff_lzw"],
    "I;16": [None, "tiff_lzw", "tiff_adobe_deflate"],
    "F": [None, "tiff_lzw", "tiff_adobe_deflate", "zstd"],
    "I": [None, "tiff_lzw"],
    "RGB": [None, "packbits", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "zstd"],
    "RGBA": [None, "packbits", "tiff_lzw", "tiff_adobe_deflate", "zstd"],
    "RGBX": [None, "tiff_lzw"],
    "CMYK": [None, "packbits", "tiff_lzw", "tiff_adobe_deflate", "jpeg"],
    "YCbCr": [None, "tiff_lzw", "tiff_adobe_deflate", "jpeg"],
    "LAB": [None, "tiff_lzw", "tiff_adobe_deflate"],
}
MODES = {
    "png": ["1", "L", "LA", "P", "I;16", "RGB", "RGBA"],
    "bmp": ["1", "L", "P", "RGB", "RGBA"],
    "dib": ["1", "L", "P", "RGB", "RGBA"],
    "gif": ["1", "L", "P", "RGB"],
    "tga": ["1", "L", "LA", "P", "RGB", "RGBA"],
    "webp": ["L", "P", "RGB", "RGBA"],
    "ppm": ["1", "L", "I;16", "RGB"],
    "ico": ["1", "L", "LA", "P", "RGB", "RGBA"],
    "qoi": ["RGB", "RGBA"],
    "jpg": ["L", "RGB", "CMYK"],
}
# greatest difference of a sample; JPEG decoders differ in how they enlarge chroma and round
TOLERANCE = {"jpeg": 4, "lossy": 4, "tiff i ": 1, "lab": 2, "profile": 3, "cmyk": 2, "ycbcr": 2}
# mean difference of the luma of a file, in the formats whose decoders are features
LUMA = 0.6
# of LittleCMS, which otherwise goes through a coarse table
EXACT = ImageCms.Flags.NOOPTIMIZE


def picture(random, width, height):
    coarse = random.integers(0, 256, (max(2, height // 9), max(2, width // 9), 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.BICUBIC)


def in_mode(random, image, mode):
    grey = image.convert("L")
    alpha = Image.fromarray(random.integers(0, 256, (3, 4), dtype=np.uint8)).resize(image.size, Image.BICUBIC)
    if mode == "LA":
        grey.putalpha(alpha)
        return grey
    if mode in ("RGBA", "RGBX"):
        image = image.convert(mode)
        if mode == "RGBA":
            image.putalpha(alpha)
        return image
    if mode in ("P", "PA"):
        image = image.quantize(int(random.choice([2, 4, 16, 100, 256])))
        if mode == "PA":
            image = image.convert("PA")
        return image
    if mode == "I;16":
        return Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    if mode == "F":
        return Image.fromarray(np.asarray(grey).astype(np.float32) / 255)
    if mode == "I":
        return Image.fromarray(np.asarray(grey).astype(np.int32) * 1000 - 70_000)
    if mode == "LAB":
        to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
        return ImageCms.applyTransform(image, to_lab)
    return image.convert(mode)


def write_one(random, folder, number):
    """One file, and what is unusual about it."""
    form = str(random.choice(["tiff", *MODES], p=[0.4, *[0.6 / len(MODES)] * len(MODES)]))
    mode = str(random.choice(list(TIFF_COMPRESSIONS) if form == "tiff" else MODES[form]))
    width, height = (int(side) for side in random.integers(1, 130, 2))
    image = in_mode(random, picture(random, width, height), mode)
    options, kind = {}, [form, mode]
    if form == "tiff":
        compression = random.choice(TIFF_COMPRESSIONS[mode])
        options["compression"] = compression
        if compression is not None and random.random() < 0.4:
            options["strip_size"] = int(random.integers(200, 5000))
        if compression is None and random.random() < 0.3:
            options["big_tiff"] = True
        kind.append(str(compression))
    if form == "tga" and random.random() < 0.5:
        options["compression"] = "tga_rle"
    if form == "webp":
        options["lossless"] = bool(random.random() < 0.7)
        options["exact"] = True
        kind.append("lossless" if options["lossless"] else "lossy")
    if form == "png":
        options["compress_level"] = 1
    if form == "ico":
        options["sizes"] = [image.size]
        if random.random() < 0.5:
            options["bitmap_format"] = "bmp"
        kind.append(options.get("bitmap_format", "png"))
    if form == "jpg":
        options.update(quality=92, subsampling=0, progressive=bool(random.random() < 0.5))
    if form in ("png", "webp", "tiff", "jpg") and mode not in ("I", "F", "LAB") and random.random() < 0.4:
        exif = Image.Exif()
        exif[0x112] = int(random.integers(1, 9))
        options["exif"] = exif
        kind.append("exif")
    masked = form == "ico" and "bitmap_format" in options and mode not in ("LA", "RGBA")
    file = folder / f"{number}{'-opaque' if masked else ''}.{form}"
    image.save(file, **options)
    return file, kind


def truth(file):
    """What Pillow makes of a file, RGB of 8 bits, for both grounds."""
    # not by its name: Pillow maps uncompressed TIFF files then, and forgets to turn them
    image = Image.open(io.BytesIO(file.read_bytes()))
    image.load()
    # not read is the mask of a bitmap inside ICO, whose rows Pillow writes without the padding that it reads
    if file.suffix == ".ico" and file.stem.endswith("-opaque"):
        image.putalpha(255)
    image = ImageOps.exif_transpose(image)
    if image.mode in ("I;16", "I;16B", "I;16L"):
        image = Image.fromarray(((np.asarray(image).astype(np.uint32) + 128) // 257).astype(np.uint8))
    elif image.mode in ("F", "I"):
        values = np.asarray(image).astype(np.float64)
        if image.mode == "I" and file.suffix != ".tiff":
            values = values / 65_535
        elif image.mode == "I":
            values = (values - values.min()) / max(values.max() - values.min(), 1e-9)
        image = Image.fromarray(np.round(np.clip(values, 0, 1) * 255).astype(np.uint8))
    elif image.mode == "LAB":
        to_rgb = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB", flags=EXACT)
        image = ImageCms.applyTransform(image, to_rgb)
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        if not np.asarray(image)[..., 3].any():
            return [np.asarray(image.convert("RGB"))]
        grounds = []
        for ground in ("white", "black"):
            under = Image.new("RGBA", image.size, ground)
            values, alpha = np.asarray(image).astype(np.int64), np.asarray(image).astype(np.int64)[..., 3:]
            below = np.asarray(under).astype(np.int64)
            laid = (values * alpha + below * (255 - alpha) + 127) // 255
            grounds.append(laid[..., :3].astype(np.uint8))
        return grounds
    return [np.asarray(image.convert("RGB"))]


def truth_of_sample(file):
    """What the second decoder makes of a file of a format that Pillow needs a plugin for."""
    if file.suffix.lower() in (".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2"):
        import rawpy

        with rawpy.imread(str(file)) as raw:
            preview = Image.open(io.BytesIO(raw.extract_thumb().data))
            turn = {3: Image.ROTATE_180, 5: Image.ROTATE_90, 6: Image.ROTATE_270}.get(raw.sizes.flip)
        return preview.transpose(turn) if turn is not None else preview
    image = ImageOps.exif_transpose(Image.open(file))
    profile = image.info.get("icc_profile")
    if image.mode in ("RGBA", "LA", "PA"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB")
    if profile:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        image = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), flags=EXACT)
    return image


def compare_samples(to_png, folder):
    import pillow_avif  # noqa: F401
    import pillow_heif
    import pillow_jxl  # noqa: F401

    pillow_heif.register_heif_opener()
    files = sorted(file for file in folder.iterdir() if file.suffix not in (".md", ".mpo"))
    with tempfile.TemporaryDirectory() as decoded:
        names = "".join(f"{file}\n" for file in files)
        run = subprocess.run([to_png, decoded], input=names, text=True, capture_output=True, check=True)
        for number, (file, line) in enumerate(zip(files, run.stdout.splitlines(), strict=True)):
            if line != "ok":
                print(f"{file.name}: REFUSED {line}")
                continue
            expected = np.asarray(truth_of_sample(file).convert("RGB")).astype(int)
            found = np.asarray(Image.open(Path(decoded) / f"{number}.png").convert("RGB")).astype(int)
            if found.shape != expected.shape:
                print(f"{file.name}: WRONG {found.shape}, expected {expected.shape}")
                continue
            off = np.abs(found - expected)
            luma = np.abs((found - expected) @ [0.299, 0.587, 0.114]).mean()
            verdict = "ok" if luma <= LUMA else "WRONG"
            print(f"{file.name}: {verdict} {found.shape} luma {luma:.2f} mean {off.mean():.2f} most {off.max()}")


def tolerance(kind):
    text = " ".join(kind).lower()
    return max([0] + [value for name, value in TOLERANCE.items() if name in text] + ([4] if kind[0] == "jpg" else []))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--to-png", required=True)
    parser.add_argument("--files", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--samples", type=Path)
    args = parser.parse_args()
    if args.samples:
        compare_samples(args.to_png, args.samples)
        return
    random = np.random.default_rng(args.seed)
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch)
        decoded = folder / "decoded"
        decoded.mkdir(parents=True, exist_ok=True)
        written, unwritten = [], collections.Counter()
        while len(written) < args.files:
            try:
                written.append(write_one(random, folder, len(written)))
            except (OSError, ValueError, KeyError, SystemError) as error:
                unwritten[str(error)] += 1
        names = "".join(f"{file}\n" for file, _ in written)
        run = subprocess.run([args.to_png, decoded], input=names, text=True, capture_output=True, check=True)
        refused, wrong, unread = collections.Counter(), [], collections.Counter()
        kinds, worst = collections.Counter(), collections.Counter()
        for number, ((file, kind), line) in enumerate(zip(written, run.stdout.splitlines(), strict=True)):
            name = " ".join(part for part in kind if part != "exif")
            try:
                expected = truth(file)
            except (OSError, ValueError, SyntaxError) as error:
                unread[f"{name}: {error}"] += 1
                continue
            kinds[name] += 1
            if line != "ok":
                refused[f"{name}: {line}"] += 1
                continue
            found = np.asarray(Image.open(decoded / f"{number}.png").convert("RGB"))
            off = [
                int(np.abs(found.astype(int) - one.astype(int)).max()) if found.shape == one.shape else 999
                for one in expected
            ]
            worst[name] = max(worst[name], min(off))
            if min(off) > tolerance(kind):
                wrong.append(f"{file.name} {' '.join(kind)}: off by {min(off)}, {found.shape} for {expected[0].shape}")
    result = {
        "files": len(written),
        "kinds": len(kinds),
        "refused": dict(refused),
        "wrong": len(wrong),
        "wrong_files": wrong[:40],
        "worst": {name: off for name, off in sorted(worst.items()) if off},
        "unread_by_pillow": dict(unread),
        "not_written": dict(unwritten),
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
