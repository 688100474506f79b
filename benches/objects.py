"""Images in a bucket behind a server that fails now and then: is the index complete, is memory flat, what does a second run fetch?

    cargo build --features cloud
    pip install "moto[server]" boto3 pillow
    python benches/objects.py [--program target/debug/aesearch] [--sizes 2500 5000 10000] > benches/runs/objects.json

The store is the S3 server of moto on loopback, in this process, behind the proxy of engines/objects/store.py, which answers 5 % of
all requests with 500, 503, half a body, half a body of the wrong length, or nothing. Server, proxy and program share the
processor, and the server, in Python, is what time is spent on: seconds say nothing about a real store. Memory is the peak of the
program alone.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import io
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("AESEARCH_DATA", ROOT.parent / "shared" / "data"))
sys.path.insert(0, str(ROOT / "engines" / "objects"))

from segments import codes  # noqa: E402
from store import Faults, Store  # noqa: E402

SHARE = 0.05
#: Seconds for which a server that does not answer is silent; one less is waited for.
STALL_S = 6
BUCKET = "digits"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "target" / "debug" / "aesearch")
    parser.add_argument("--sizes", type=int, nargs="+", default=[2500, 5000, 10000])
    asked = parser.parse_args()
    store = Store()
    note = "two cores that other programs used at the same time; moto's server took most of what was left"
    said: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {cpu_name()}",
        "python": platform.python_version(),
        "program": str(asked.program.parent.name) + " build",
        "images": "MNIST digits as PNG",
        "faults": {"share": SHARE, "kinds": list(store.faults.kinds)},
        "note": note,
        "runs": [],
    }
    with tempfile.TemporaryDirectory() as folder:
        fill(store, Path(folder) / "files", asked.sizes)
        for n_parts in range(1, len(asked.sizes) + 1):
            said["runs"].append(measure(store, asked.program, Path(folder), asked.sizes[:n_parts]))
            print(json.dumps(said["runs"][-1]), file=sys.stderr)
    json.dump(said, sys.stdout, indent=2)
    print()
    store.close()


def fill(store: Store, files: Path, sizes: list[int]) -> None:
    """Digits on disk and in the bucket: a folder for each size, with what it has more than the one before."""
    store.client.create_bucket(Bucket=BUCKET)
    digits = pngs(sizes[-1])

    def put(names: list[str]) -> None:
        server = http.client.HTTPConnection(*store.behind)
        for name in names:
            server.request("PUT", f"/{BUCKET}/{name}", body=(files / name).read_bytes())
            server.getresponse().read()

    starts = [0, *sizes]
    for first, size in zip(starts, sizes):
        (files / str(size)).mkdir(parents=True)
        names = [f"{size}/{at:05}.png" for at in range(first, size)]
        for at, name in enumerate(names, first):
            (files / name).write_bytes(digits[at])
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(put, [names[i::4] for i in range(4)]))


def measure(store: Store, program: Path, folder: Path, parts: list[int]) -> dict[str, Any]:
    """The images of some folders of the bucket: indexed with faults, then again, and the same files on disk."""
    n = parts[-1]
    store.faults = Faults(share=SHARE, stall_s=STALL_S)
    store.forget()
    urls, index = [f"s3://{BUCKET}/{part}" for part in parts], folder / f"index-{n}"
    first = run(store, program, urls, index)
    injected, downloads = dict(store.injected), Counter(store.downloads())
    store.forget()
    again = run(store, program, urls, index)
    local = run(store, program, [str(folder / "files" / str(part)) for part in parts], folder / f"local-{n}")
    found, expected = codes(index), codes(folder / f"local-{n}")
    return {
        "images": n,
        "added": first["document"]["added"],
        "skipped": len(first["document"]["skipped"]),
        "in_index": first["document"]["images"],
        "same_codes_as_local": found == expected and len(found) == n,
        "requests": sum(downloads.values()),
        "objects_fetched": len(downloads),
        "injected": injected,
        "seconds": first["seconds"],
        "peak_mib": first["peak_mib"],
        "local_peak_mib": local["peak_mib"],
        "local_seconds": local["seconds"],
        "second_run": {
            "downloads": len(store.downloads()),
            "unchanged": again["document"]["unchanged"],
            "seconds": again["seconds"],
            "peak_mib": again["peak_mib"],
        },
    }


def run(store: Store, program: Path, what: list[str], index: Path) -> dict[str, Any]:
    """Indexes ``what`` with two threads; the peak memory is that of the process."""
    command = [str(program), "index", *what, "--index", str(index), "--model", "digits-64", "--threads", "2", "--json"]
    start, peak_kib = time.monotonic(), 0
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, env=store.environment(AWS_TIMEOUT=f"{STALL_S - 1}s"), stdout=out)
        while process.poll() is None:
            peak_kib = max(peak_kib, most_memory(process.pid))
            time.sleep(0.02)
        seconds = time.monotonic() - start
        out.seek(0)
        said = out.read()
    if process.returncode not in (0, 3):
        sys.exit(f"{command}: {process.returncode}")
    return {"document": json.loads(said), "seconds": round(seconds, 1), "peak_mib": round(peak_kib / 1024, 1)}


def most_memory(pid: int) -> int:
    """The most memory that a process has had, in KiB; what the system says when it is gone counts its parent's pages too."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def pngs(n: int) -> list[bytes]:
    """The first ``n`` digits."""
    from PIL import Image

    pixels = gzip.open(DATA / "mnist" / "train-images-idx3-ubyte.gz").read()[16:]
    made = []
    for at in range(n):
        out = io.BytesIO()
        Image.frombytes("L", (28, 28), pixels[784 * at : 784 * (at + 1)]).save(out, "PNG")
        made.append(out.getvalue())
    return made


def cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


if __name__ == "__main__":
    main()
