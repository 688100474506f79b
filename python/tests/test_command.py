"""The command that the wheel brings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import aesearch


def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aesearch", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


def test_it_is_the_program(tmp_path: Path, folder: Path) -> None:
    assert run("--version").stdout.split() == ["aesearch", aesearch.__version__]
    made = run("index", folder, "--model", "digits-64", "--index", tmp_path / "i", "-q")
    assert made.returncode == 0, made.stderr
    found = run("query", folder / "a" / "000.pgm", "--index", tmp_path / "i", "--json")
    assert '"distance":0' in found.stdout.replace(" ", "")


def test_exit_codes_are_kept(tmp_path: Path, folder: Path) -> None:
    assert run("no-such-verb").returncode == 2
    assert run("query", "x.png", "--index", tmp_path).returncode == 2
    (folder / "broken.png").write_bytes(b"no picture")
    assert run("index", folder, "--model", "digits-64", "--index", tmp_path / "i").returncode == 3


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_ends_a_quick_command_as_it_ends_any(tmp_path: Path) -> None:
    waiting = [sys.executable, "-m", "aesearch", "query", "--stdin", "--index", str(tmp_path / "i")]
    aesearch.Index.create(tmp_path / "i", model="digits-64").add({"a": __import__("numpy").eye(28)})
    process = subprocess.Popen(waiting, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin and process.stderr
    os.set_blocking(process.stderr.fileno(), True)
    try:
        process.wait(1.5)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    assert process.wait(20) in (-signal.SIGINT, 130)
