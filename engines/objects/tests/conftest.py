"""What the tests share: digits on disk and in a bucket, and the program."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from store import Faults, Store

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = os.environ.get("AESEARCH", str(ROOT / "target" / "debug" / "aesearch"))
BUCKET = "pictures"
#: Images of each digit.
OF_EACH = 20


@dataclass
class Ran:
    """What the program printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document

    def done(self, code: int = 0) -> dict[str, Any]:
        assert self.code == code, self.err
        return self.document


@dataclass
class Bench:
    """A folder to work in, digits in a bucket, and the program."""

    store: Store
    work: Path
    digits: Path

    def run(self, *arguments: object, **environment: str) -> Ran:
        variables = self.store.environment(XDG_CACHE_HOME=str(self.work / "cache"), **environment)
        command = [PROGRAM, *map(str, arguments), "--json", "--progress", "never"]
        ran = subprocess.run(command, env=variables, cwd=self.work, capture_output=True, text=True, timeout=300)
        assert "secret-never-shown" not in ran.stdout + ran.stderr
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    def index(self, *arguments: object, **environment: str) -> Ran:
        return self.run("index", "--model", "digits-64", "--threads", "2", *arguments, **environment)

    def put(self, key: str, file: Path) -> None:
        self.store.client.put_object(Bucket=BUCKET, Key=key, Body=file.read_bytes())


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """digits/<label>/*.png, a few of each."""
    there = tmp_path_factory.mktemp("demo")
    if subprocess.run([PROGRAM, "query", "--index", "s3://x", "x"], capture_output=True, text=True).stderr.count("built without"):
        pytest.exit(f"{PROGRAM}: was built without the feature cloud")
    subprocess.run([PROGRAM, "demo", there, "-q"], check=True, capture_output=True)
    for folder in (there / "digits").iterdir():
        for file in sorted(folder.iterdir())[OF_EACH:]:
            file.unlink()
    return there / "digits"


@pytest.fixture(scope="session")
def servers() -> Iterator[Store]:
    store = Store()
    yield store
    store.close()


@pytest.fixture
def bench(servers: Store, digits: Path, tmp_path: Path) -> Bench:
    """Each test has the bucket anew, and its own copy of the files."""
    servers.faults = Faults()
    for bucket in servers.client.list_buckets()["Buckets"]:
        for key in servers.client.list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
            servers.client.delete_object(Bucket=bucket["Name"], Key=key["Key"])
    servers.client.create_bucket(Bucket=BUCKET)
    files = tmp_path / "digits"
    shutil.copytree(digits, files)
    made = Bench(servers, tmp_path, files)
    for file in sorted(files.rglob("*.png")):
        made.put(f"digits/{file.relative_to(files)}", file)
    servers.forget()
    return made
