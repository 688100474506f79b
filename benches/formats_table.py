"""Formats x orientations x profiles x depths: one picture in all of them, against a second decoder, pixel by pixel.

    .venv/bin/pip install numpy pillow pillow-heif pillow-jxl-plugin psd-tools
    cargo build --release --features avif --example to_png
    .venv/bin/python benches/formats_table.py --to-png target/release/examples/to_png [--rounds 20] [--write tests/data/table]

The picture goes from one colour to another between its four corners, so that no turn looks like another. A file holds it
turned, and says how it is to be turned back. The second decoder is Pillow with libjpeg-turbo, libwebp, libtiff and libavif,
pillow-heif (libheif), pillow-jxl (libjxl), psd-tools; of a raw file it is Pillow on the JPEG inside; profiles are
applied by LittleCMS. Each round takes another size and other colours; the first one is that of tests/data/table, which `--write`
writes for `cargo test`: the files, `expected.png` with what the second decoder saw, one below the other, and `table.txt` with the
greatest difference of a sample that is allowed.
"""

import argparse
import collections
import io
import json
import struct
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pillow_heif
import pillow_jxl  # noqa: F401
from PIL import Image, ImageCms, ImageOps
from psd_tools import PSDImage

pillow_heif.register_heif_opener()

SIZE = (21, 13)
CORNERS = [(220, 40, 40), (40, 200, 60), (40, 60, 220), (230, 220, 40)]
ALL = range(1, 9)
# how a picture is stored that an orientation makes upright
TURNS = {
    2: Image.FLIP_LEFT_RIGHT, 3: Image.ROTATE_180, 4: Image.FLIP_TOP_BOTTOM, 5: Image.TRANSPOSE,
    6: Image.ROTATE_90, 7: Image.TRANSVERSE, 8: Image.ROTATE_270,
}  # fmt: skip
# primaries of Display P3 and of Adobe RGB, adapted to D50
P3 = [(0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)]
ADOBE = [(0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)]


def icc(primaries, gamma):
    """A profile of three primaries, or of grey."""
    fixed = lambda *values: b"".join(struct.pack(">i", round(value * 65536)) for value in values)
    white = (0.9642, 1.0, 0.8249)
    curve = struct.pack(">4sIIHH", b"curv", 0, 1, round(gamma * 256), 0)
    point = lambda values: b"XYZ \0\0\0\0" + fixed(*values)
    tags = {b"wtpt": point(white)}
    if primaries:
        tags |= {name: point(values) for name, values in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries)}
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    else:
        tags[b"kTRC"] = curve
    at, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        table += struct.pack(">4sII", name, at + len(body), len(content))
        body += content
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"none", 0x0210_0000, b"mntr", b"RGB " if primaries else b"GRAY", b"XYZ ")
    head += struct.pack(">6H4s", 2024, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + fixed(*white)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


PROFILES = {"p3": icc(P3, 2.2), "adobe": icc(ADOBE, 2.2), "gamma": icc(None, 1.4)}


def picture(size, corners):
    width, height = size
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    x, y = x[..., None], y[..., None]
    top, bottom = (np.array(a) * (1 - x) + np.array(b) * x for a, b in (corners[:2], corners[2:]))
    return Image.fromarray(np.round(top * (1 - y) + bottom * y).astype(np.uint8))


def in_mode(image, mode):
    """With an alpha from clear at the left to opaque in the middle."""
    width, height = image.size
    clear = np.clip(np.linspace(0, 510, width), 0, 255).astype(np.uint8)
    alpha = Image.fromarray(np.tile(clear, (height, 1)))
    if mode in ("RGBA", "LA"):
        image = image.convert(mode[:-1])
        image.putalpha(alpha)
        return image
    if mode == "P":
        return image.quantize(60)
    if mode == "I;16":
        values = np.asarray(image.convert("L")).astype(np.uint16) * 257
        return Image.fromarray(values + np.arange(values.size, dtype=np.uint16).reshape(values.shape) % 100)
    if mode == "F":
        return Image.fromarray(np.asarray(image.convert("L")).astype(np.float32) / 255)
    if mode == "LAB":
        to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
        return ImageCms.applyTransform(image, to_lab)
    return image.convert(mode)


def exif_of(orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    return exif


def saved(image, form, **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def by_pillow(form, mode="RGB", profile=None, prefix=None, **options):
    """A writer of files by Pillow; EXIF is told only where the file is turned."""

    def write(upright, orientation):
        image = in_mode(upright, mode)
        more = dict(options)
        if orientation > 1:
            image = image.transpose(TURNS[orientation])
            exif = exif_of(orientation)
            more["exif"] = exif if prefix is None else prefix + exif.tobytes().removeprefix(b"Exif\0\0")
        if profile:
            more["icc_profile"] = PROFILES[profile]
        return saved(image, form, **more)

    return write


def jxl_of_jpeg(upright, orientation):
    """From a JPEG without loss, whose orientation becomes that of the header."""
    with tempfile.TemporaryDirectory() as folder:
        jpeg = Path(folder) / "a.jpg"
        jpeg.write_bytes(by_pillow("JPEG", quality=97, subsampling=0)(upright, orientation))
        return saved(Image.open(jpeg), "JXL", lossless_jpeg=True)


def heic_deep(upright, orientation):
    values = np.asarray(upright).astype(np.uint16) * 257
    file = io.BytesIO()
    options = {"quality": 95, "chroma": 444}
    pillow_heif.encode("RGB;16", upright.size, values.tobytes(), file, **options)
    return file.getvalue()


def raw(upright, orientation):
    """A DNG whose first directory holds a preview in JPEG."""
    image = upright.transpose(TURNS[orientation]) if orientation > 1 else upright
    jpeg = saved(image, "JPEG", quality=97, subsampling=0)
    tags = [(254, 1), (256, image.width), (257, image.height), (259, 7), (273, 0), (274, orientation), (279, len(jpeg)), (50706, 0x0401)]
    at = 8 + 2 + 12 * len(tags) + 4
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    for tag, value in tags:
        head += struct.pack("<HHII", tag, 4, 1, at if tag == 273 else value)
    return head + bytes(4) + jpeg


def psd(mode, bits=8, layers=None, profile=None, packed=True, large=False):
    """A writer of Photoshop files: number of the mode, planes of samples; alpha where layers are fewer than none."""

    def write(upright, orientation):
        kind = {0: "1", 1: "L", 2: "P", 3: "RGB", 4: "CMYK", 9: "LAB"}[mode]
        image = in_mode(upright, kind if layers is None else kind + "A")
        if orientation > 1:
            image = image.transpose(TURNS[orientation])
        planes = np.asarray(image).astype(np.uint32)
        planes = planes.reshape(*planes.shape[:2], -1).transpose(2, 0, 1)
        if layers is not None:
            planes[:-1] = (planes[:-1] * planes[-1] + 255 * (255 - planes[-1]) + 127) // 255
        planes = 255 - planes if mode == 4 else planes
        if mode == 9:
            planes[1:] ^= 128
        if bits == 1:
            rows = [np.packbits(1 - row.astype(np.uint8)).tobytes() for row in planes[0]]
        else:
            values = {8: planes.astype(np.uint8), 16: (planes * 257).astype(">u2")}[bits]
            rows = [row.tobytes() for plane in values for row in plane]
        palette = b""
        if mode == 2:
            palette = np.array(image.getpalette()).reshape(-1, 3)
            palette = np.pad(palette, ((0, 256 - len(palette)), (0, 0))).T.astype(np.uint8).tobytes()
        resources = [(1057, b"\0\0\0\1\1" + bytes(8) + b"\0\0\0\1")]
        if orientation > 1:
            resources.append((1058, exif_of(orientation).tobytes().removeprefix(b"Exif\0\0")))
        if profile:
            resources.append((1039, PROFILES[profile]))
        resources = b"".join(b"8BIM" + struct.pack(">HHI", id, 0, len(data)) + data + bytes(len(data) % 2) for id, data in resources)
        size = ">Q" if large else ">I"
        inside = b""
        if layers is not None:
            # one, of no size and no channels
            inside = struct.pack(">h4iH8s4BI", layers, 0, 0, 0, 0, 0, b"8BIMnorm", 255, 0, 0, 0, 12) + bytes(12)
            inside = struct.pack(size, len(inside)) + inside + bytes(4)
        head = struct.pack(">4sH6xHIIHH", b"8BPS", 2 if large else 1, len(planes), image.height, image.width, bits, mode)
        head += struct.pack(">I", len(palette)) + palette + struct.pack(">I", len(resources)) + resources
        head += struct.pack(size, len(inside)) + inside
        if not packed:
            return head + bytes(2) + b"".join(rows)
        lengths, body = [], b""
        for row in rows:
            parts = [bytes([len(row[at : at + 128]) - 1]) + row[at : at + 128] for at in range(0, len(row), 128)]
            lengths.append(sum(map(len, parts)))
            body += b"".join(parts)
        return head + b"\0\1" + struct.pack(f">{len(lengths)}{'I' if large else 'H'}", *lengths) + body

    return write


# name: ending, writer, greatest difference, orientations. JPEG, HEIC and AVIF are decoded to neighbouring values by different decoders,
# which a profile may set further apart, and chroma of half the size is enlarged in several ways; the rest is exact, but for what
# profiles and inks are rounded to.
TABLE = {
    "jpeg-444": ("jpg", by_pillow("JPEG", quality=95, subsampling=0), 3, ALL),
    "jpeg-420": ("jpg", by_pillow("JPEG", quality=95, subsampling=2), 4, [6]),
    "jpeg-422-progressive": ("jpg", by_pillow("JPEG", quality=95, subsampling=1, progressive=True), 4, [8]),
    "jpeg-grey": ("jpg", by_pillow("JPEG", "L", quality=95), 2, [5]),
    "jpeg-grey-gamma": ("jpg", by_pillow("JPEG", "L", "gamma", quality=95), 3, [1]),
    "jpeg-cmyk": ("jpg", by_pillow("JPEG", "CMYK", quality=95), 4, [3]),
    "jpeg-p3": ("jpg", by_pillow("JPEG", profile="p3", quality=95, subsampling=0), 20, [6]),
    "jpeg-adobe": ("jpg", by_pillow("JPEG", profile="adobe", quality=95, subsampling=0), 20, [7]),
    "png": ("png", by_pillow("PNG"), 0, ALL),
    "png-1": ("png", by_pillow("PNG", "1"), 0, [6]),
    "png-grey": ("png", by_pillow("PNG", "L"), 0, [6]),
    "png-grey16": ("png", by_pillow("PNG", "I;16"), 0, [7]),
    "png-grey-alpha": ("png", by_pillow("PNG", "LA"), 0, [5]),
    "png-palette": ("png", by_pillow("PNG", "P"), 0, [8]),
    "png-alpha": ("png", by_pillow("PNG", "RGBA"), 0, [2]),
    "png-grey-gamma": ("png", by_pillow("PNG", "L", "gamma"), 2, [1]),
    "png-p3": ("png", by_pillow("PNG", profile="p3"), 2, [6]),
    "png-adobe-alpha": ("png", by_pillow("PNG", "RGBA", "adobe"), 2, [3]),
    "webp": ("webp", by_pillow("WEBP", lossless=True, exact=True, prefix=b""), 0, ALL),
    "webp-prefix": ("webp", by_pillow("WEBP", lossless=True, exact=True, prefix=b"Exif\0\0"), 0, ALL),
    "webp-lossy": ("webp", by_pillow("WEBP", quality=95, prefix=b""), 4, [6]),
    "webp-alpha": ("webp", by_pillow("WEBP", "RGBA", lossless=True, exact=True), 0, [8]),
    "webp-p3": ("webp", by_pillow("WEBP", profile="p3", lossless=True, exact=True), 2, [7]),
    "tiff": ("tif", by_pillow("TIFF", compression="tiff_lzw"), 0, ALL),
    "tiff-1-fax": ("tif", by_pillow("TIFF", "1", compression="group4"), 0, [6]),
    "tiff-grey": ("tif", by_pillow("TIFF", "L", compression="packbits"), 0, [6]),
    "tiff-grey-alpha": ("tif", by_pillow("TIFF", "LA"), 0, [5]),
    "tiff-palette": ("tif", by_pillow("TIFF", "P"), 0, [8]),
    "tiff-grey16": ("tif", by_pillow("TIFF", "I;16", compression="tiff_adobe_deflate"), 0, [3]),
    "tiff-float": ("tif", by_pillow("TIFF", "F", compression="tiff_lzw"), 0, [1]),
    "tiff-alpha": ("tif", by_pillow("TIFF", "RGBA", compression="zstd"), 0, [7]),
    "tiff-cmyk": ("tif", by_pillow("TIFF", "CMYK", compression="tiff_lzw"), 2, [6]),
    "tiff-lab": ("tif", by_pillow("TIFF", "LAB", compression="tiff_lzw"), 3, [1]),
    "tiff-ycbcr": ("tif", by_pillow("TIFF", "YCbCr", compression="tiff_lzw"), 2, [2]),
    "tiff-jpeg": ("tif", by_pillow("TIFF", compression="jpeg", quality=95), 4, [6]),
    "tiff-p3": ("tif", by_pillow("TIFF", profile="p3"), 2, [6]),
    "tiff-big": ("tif", by_pillow("TIFF", big_tiff=True), 0, [8]),
    "heic": ("heic", by_pillow("HEIF", quality=95, chroma=444, prefix=b"Exif\0\0"), 4, ALL),
    "heic-420": ("heic", by_pillow("HEIF", quality=95, chroma=420, prefix=b"Exif\0\0"), 30, [6]),
    "heic-grey": ("heic", by_pillow("HEIF", "L", quality=95, prefix=b"Exif\0\0"), 4, [5]),
    "heic-alpha": ("heic", by_pillow("HEIF", "RGBA", quality=95, chroma=444, prefix=b"Exif\0\0"), 5, [8]),
    "heic-p3": ("heic", by_pillow("HEIF", profile="p3", quality=95, chroma=444, prefix=b"Exif\0\0"), 20, [7]),
    "heic-10": ("heic", heic_deep, 4, [1]),
    "avif": ("avif", by_pillow("AVIF", quality=90, subsampling="4:4:4"), 3, ALL),
    "avif-420": ("avif", by_pillow("AVIF", quality=90, subsampling="4:2:0"), 8, [6]),
    "avif-422": ("avif", by_pillow("AVIF", quality=90, subsampling="4:2:2"), 8, [5]),
    "avif-grey": ("avif", by_pillow("AVIF", "L", quality=90, subsampling="4:0:0"), 3, [8]),
    "avif-alpha": ("avif", by_pillow("AVIF", "RGBA", quality=90, subsampling="4:4:4"), 3, [7]),
    "avif-p3": ("avif", by_pillow("AVIF", profile="p3", quality=90, subsampling="4:4:4"), 20, [6]),
    "avif-limited": ("avif", by_pillow("AVIF", quality=90, subsampling="4:4:4", range="limited"), 3, [2]),
    "jxl-jpeg": ("jxl", jxl_of_jpeg, 4, ALL),
    "jxl": ("jxl", by_pillow("JXL", lossless=True), 0, [1]),
    "jxl-lossy": ("jxl", by_pillow("JXL", quality=95), 3, [1]),
    "jxl-grey": ("jxl", by_pillow("JXL", "L", lossless=True), 0, [1]),
    "jxl-alpha": ("jxl", by_pillow("JXL", "RGBA", lossless=True), 0, [1]),
    "jxl-p3": ("jxl", by_pillow("JXL", profile="p3", lossless=True), 2, [1]),
    "raw": ("dng", raw, 3, ALL),
    "psd": ("psd", psd(3), 0, ALL),
    "psd-1": ("psd", psd(0, 1), 0, [1]),
    "psd-grey": ("psd", psd(1, packed=False), 0, [6]),
    "psd-palette": ("psd", psd(2), 0, [1]),
    "psd-16": ("psd", psd(3, 16), 0, [3]),
    "psd-cmyk": ("psd", psd(4), 1, [1]),
    "psd-lab": ("psd", psd(9), 3, [1]),
    "psd-alpha": ("psd", psd(3, layers=-1), 1, [8]),
    "psd-p3": ("psd", psd(3, profile="p3"), 2, [7]),
    "psd-large": ("psb", psd(3, packed=False, large=True), 0, [6]),
    "tga": ("tga", by_pillow("TGA", orientation=1), 0, [1]),
    "tga-up": ("tga", by_pillow("TGA", orientation=-1, compression="tga_rle"), 0, [1]),
    "tga-1": ("tga", by_pillow("TGA", "1"), 0, [1]),
    "tga-grey": ("tga", by_pillow("TGA", "L"), 0, [1]),
    "tga-grey-alpha": ("tga", by_pillow("TGA", "LA"), 0, [1]),
    "tga-palette": ("tga", by_pillow("TGA", "P"), 0, [1]),
    "tga-alpha": ("tga", by_pillow("TGA", "RGBA", compression="tga_rle"), 0, [1]),
    "bmp": ("bmp", by_pillow("BMP"), 0, [1]),
    "bmp-1": ("bmp", by_pillow("BMP", "1"), 0, [1]),
    "bmp-grey": ("bmp", by_pillow("BMP", "L"), 0, [1]),
    "bmp-palette": ("bmp", by_pillow("BMP", "P"), 0, [1]),
    "bmp-alpha": ("bmp", by_pillow("BMP", "RGBA"), 0, [1]),
    "gif": ("gif", by_pillow("GIF", "P"), 0, [1]),
    "qoi": ("qoi", by_pillow("QOI", "RGBA"), 0, [1]),
    "ppm": ("ppm", by_pillow("PPM"), 0, [1]),
    "pgm-16": ("pgm", by_pillow("PPM", "I;16"), 0, [1]),
}  # fmt: skip


def truth(data, ending, orientation):
    """What the second decoder sees, laid over white, RGB of 8 bits."""
    if ending == "dng":
        data = data[data.index(b"\xff\xd8") :]
    if ending not in ("psd", "psb") or data[25] == 9:
        image = Image.open(io.BytesIO(data))
    else:
        image = PSDImage.open(io.BytesIO(data)).topil(apply_icc=False)
        image.info["icc_profile"] = next((PROFILES[name] for name in PROFILES if PROFILES[name] in data), None)
    image.load()
    if ending in ("dng", "psd", "psb"):
        # told outside of what the decoder reads
        image = ImageOps.exif_transpose(with_orientation(image, orientation))
    else:
        image = ImageOps.exif_transpose(image)
    profile = image.info.get("icc_profile")
    if image.mode in ("I;16", "I;16B", "I;16L", "I"):
        image = Image.fromarray(((np.asarray(image).astype(np.uint32) + 128) // 257).astype(np.uint8))
    elif image.mode == "F":
        image = Image.fromarray(np.round(np.asarray(image) * 255).astype(np.uint8))
    elif image.mode == "LAB":
        to_rgb = ImageCms.buildTransform(
            ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB", flags=ImageCms.Flags.NOOPTIMIZE
        )
        image, profile = ImageCms.applyTransform(image, to_rgb), None
    alpha = None
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        image = image.convert("RGBA") if image.mode != "LA" else image
        alpha = np.asarray(image.getchannel("A")).astype(np.int64)[..., None]
        image = image.convert("L" if image.mode == "LA" else "RGB")
    if image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    if profile:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        to_srgb = (profile, ImageCms.createProfile("sRGB"))
        image = ImageCms.profileToProfile(image, *to_srgb, outputMode="RGB", flags=ImageCms.Flags.NOOPTIMIZE)
    values = np.asarray(image.convert("RGB")).astype(np.int64)
    if alpha is not None:
        values = (values * alpha + 255 * (255 - alpha) + 127) // 255
    return values.astype(np.uint8)


def with_orientation(image, orientation):
    image.getexif()[0x112] = orientation
    return image


def is_near(seen, upright):
    """The same picture, turned alike."""
    upright = np.asarray(upright).astype(int)
    return seen.shape == upright.shape and np.abs(seen - upright).mean() < 12


def write_fixtures(folder, files, expected):
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    lines = []
    for name, data, tolerance in files:
        (folder / name).write_bytes(data)
        lines.append(f"{name} {tolerance}\n")
    (folder / "table.txt").write_text("".join(lines))
    Image.fromarray(np.concatenate(expected)).save(folder / "expected.png", optimize=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--to-png", required=True)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--write", type=Path)
    args = parser.parse_args()
    worst, wrong, count, unturned = collections.Counter(), [], 0, []
    for number in range(args.rounds):
        random = np.random.default_rng(number)
        size, corners = SIZE, CORNERS
        if number:
            size = tuple(int(side) for side in random.integers(9, 150, 2))
            corners = [tuple(int(value) for value in random.integers(0, 256, 3)) for _ in range(4)]
        upright = picture(size, corners)
        files, expected = [], []
        for kind, (ending, write, tolerance, orientations) in TABLE.items():
            for orientation in orientations:
                data = write(upright, orientation)
                files.append((f"{kind}-{orientation}.{ending}", data, tolerance))
                expected.append(truth(data, ending, orientation))
                # whatever the orientation, the second decoder sees it upright
                if orientations is ALL and not is_near(expected[-1], upright):
                    unturned.append(f"{files[-1][0]} in round {number}")
        if args.write and number == 0:
            write_fixtures(args.write, files, expected)
        with tempfile.TemporaryDirectory() as scratch:
            scratch = Path(scratch)
            for name, data, _ in files:
                (scratch / name).write_bytes(data)
            names = "".join(f"{scratch / name}\n" for name, *_ in files)
            run = subprocess.run([args.to_png, scratch], input=names, text=True, capture_output=True, check=True)
            for at, ((name, _, tolerance), line) in enumerate(zip(files, run.stdout.splitlines(), strict=True)):
                count += 1
                if line != "ok":
                    wrong.append(f"{name} in round {number}: {line}")
                    continue
                found = np.asarray(Image.open(scratch / f"{at}.png").convert("RGB")).astype(int)
                off = int(np.abs(found - expected[at]).max()) if found.shape == expected[at].shape else 999
                kind = name.rsplit("-", 1)[0]
                worst[kind] = max(worst[kind], off)
                if off > tolerance:
                    wrong.append(f"{name} in round {number}, {size}: off by {off}, {tolerance} allowed")
    print(json.dumps({
        "files": count,
        "kinds": len(TABLE),
        "wrong": len(wrong),
        "wrong_files": wrong[:60],
        "not_upright_by_the_second_decoder": unturned[:40],
        "worst": dict(worst),
    }, indent=1))  # fmt: skip


if __name__ == "__main__":
    main()
