"""What the comparisons share: running a command and measuring it, medians, the machine in words."""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

ONE_THREAD = {
    name: "1"
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
}


def run(command, env=None):
    """Runs a command to its end; returns its stdout and what it took: {"wall": s, "cpu": s, "rss_mb": MB}.

    CPU time is that of the process and all it started, user and system. Memory is the most that one of its processes held;
    Linux counts what this process holds as the child's, up to its exec. A failure ends the comparison.
    """
    command = [str(part) for part in command]
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, **ONE_THREAD, **(env or {})}
    )
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {process.returncode}")
    return out, {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "rss_mb": usage.ru_maxrss * 1024 / 1e6}


def last_json(out):
    """The JSON document on the last line of an output that may have talk before it."""
    return json.loads(out.strip().splitlines()[-1])


def build(*arguments):
    """Compiles in release mode; the first build takes minutes, and none of it is measured."""
    subprocess.run(["cargo", "build", "--release", *arguments], cwd=ROOT, check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"


def build_benches(package, *names):
    """Compiles timing programs of a package as `cargo bench` does; returns the program of each name."""
    command = ["cargo", "bench", "--no-run", "--message-format=json", "-p", package]
    command += [word for name in names for word in ("--bench", name)]
    out = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    artifacts = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    programs = {a["target"]["name"]: Path(a["executable"]) for a in artifacts if a.get("executable")}
    return [programs[name] for name in names]


def alternate(rounds, contestants, measure):
    """`rounds` times one after the other, so that a busy minute hits all: {contestant: [measurement of each round]}."""
    found = {name: [] for name in contestants}
    for number in range(rounds):
        for name in contestants:
            found[name].append(measure(name))
            print(f"round {number + 1} of {rounds}: {name}", file=sys.stderr)
    return found


def report(title, found, ours, unit, scale=1.0):
    """Prints medians and, for each rival, the median over the rounds of rival / ours; returns the table."""
    table = {}
    print(f"\n{title}")
    print(f"  {'':28}{unit:>12}{'spread':>20}{'times ours':>14}")
    for name, values in found.items():
        ratio = statistics.median(theirs / own for theirs, own in zip(values, found[ours]))
        median = statistics.median(values) * scale
        spread = f"{min(values) * scale:.4g} to {max(values) * scale:.4g}"
        print(f"  {name:28}{median:12.4g}{spread:>20}{ratio:14.2f}")
        table[name] = {"median": median, "values": [value * scale for value in values], "times_ours": ratio}
    return {"title": title, "unit": unit, "contestants": table}


def save(path, tables, **facts):
    """Writes the raw figures with the machine they come from, for benches/runs/."""
    if path is None:
        return
    model = [line.split(":")[1].strip() for line in cpu_info() if line.startswith("model name")]
    machine = {"cpu": (model or [platform.machine()])[0], "cores": os.cpu_count(), "system": platform.system()}
    document = {"machine": machine, "python": platform.python_version(), **facts, "tables": tables}
    Path(path).write_text(json.dumps(document, indent=1) + "\n")


def cpu_info():
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []
