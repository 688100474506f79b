"""`aesearch push` and `query --via`, with a real PostgreSQL and pgvector."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import psycopg
import pyarrow as pa
import pytest
from conftest import PROGRAM, ROOT, aesearch
from psycopg import sql as names
from pyarrow import parquet

Sql = psycopg.Connection
#: Rows that are committed together.
BATCH = 20_000


def push(server: str, place: Path, *words: str | Path) -> Any:
    document = aesearch("push", server, *words, "--json", cwd=place).document
    jsonschema.validate(document, json.loads((ROOT / "docs/reference/schemas/push.json").read_text("utf-8")))
    return document


def versions(sql: Sql, table: str = "images") -> dict[str, str]:
    """The transaction that wrote each row."""
    rows = sql.execute(names.SQL("select path, xmin::text from {}").format(names.Identifier(table)))
    return {path: xmin for path, xmin in rows.fetchall()}


def hits(place: Path, queries: list[str], *words: str | Path) -> list[list[dict[str, Any]]]:
    document = aesearch("query", *queries, *words, "--json", cwd=place).document
    return [answer["hits"] for answer in document["queries"]]


def samples(place: Path, each: int = 20) -> list[str]:
    """Some images of each digit."""
    return [f"digits/{digit}/{at:04}.png" for digit in range(10) for at in range(0, 200, 200 // each)]


def test_a_second_push_writes_nothing_and_a_third_what_has_changed(server: str, sql: Sql, place: Path) -> None:
    first = push(server, place)
    assert (first["images"], first["added"], first["search_index_built"]) == (2001, 2001, True)
    before = versions(sql)
    second = push(server, place)
    assert [second[key] for key in ("added", "changed", "removed", "unchanged")] == [0, 0, 0, 2001]
    assert not second["search_index_built"] and versions(sql) == before

    shutil.copy(place / "digits/1/0001.png", place / "digits/2/0002.png")
    (place / "digits/3/0003.png").unlink()
    (place / "digits/4/0004.png").rename(place / "digits/5/moved.png")
    assert aesearch("index", "digits", cwd=place).code == 0
    third = push(server, place)
    assert [third[key] for key in ("added", "changed", "removed", "unchanged")] == [1, 1, 2, 1998]
    after = versions(sql)
    assert {path for path in before if after.get(path) != before[path]} == {
        "digits/2/0002.png",
        "digits/3/0003.png",
        "digits/4/0004.png",
    }
    assert sql.execute("select label from images where path = 'digits/5/moved.png'").fetchall() == [("5",)]
    one, two = (sql.execute("select hash, code from images where path = %s", [path]).fetchone() for path in ("digits/1/0001.png", "digits/2/0002.png"))
    assert one == two, "equal files are two rows"


def test_answers_are_those_of_the_index(server: str, sql: Sql, place: Path) -> None:
    push(server, place)
    queries = ["7.png", *samples(place)]
    assert hits(place, queries, "--via", server, "--exact") == hits(place, queries, "--exact")
    for words in ([], ["--rerank", "0"], ["--radius", "3"], ["--no-self"], ["--crops", "-k", "3"], ["--only-near"], ["--labels", "none"]):
        there, here = (hits(place, queries, *via, *words) for via in (["--via", server], ["--exact"]))
        assert len(there) == len(here) == len(queries)
        same = [len(found) == len(true) and sum(hit in true for hit in found) / max(1, len(true)) for found, true in zip(there, here)]
        assert np.mean(same) >= 0.99, (words, np.mean(same))
    lines = "".join(f'"{path}"\n' for path in queries[:9])
    answered = subprocess.run([PROGRAM, "query", "--stdin", "--via", server], input=lines, cwd=place, capture_output=True, text=True, check=True)
    assert answered.stdout.count('"hits":[{"rank":1') == 9
    odd = [hit for hit in hits(place, ["digits/3/0001.png"], "--via", server)[0] if "path_bytes" in hit]
    assert [bytes(hit["path_bytes"]) for hit in odd] == [b"digits/3/\xff.png"]
    assert not (place / "nowhere").exists() and hits(place.parent, [str(place / "7.png")], "--via", server), "no index is needed"


def test_codes_alone_are_searched_by_their_codes(server: str, sql: Sql, place: Path) -> None:
    assert aesearch("index", "digits", "--index", "alone", "--no-latents", cwd=place).code == 0
    pushed = aesearch("push", server, "--table", "alone", "--index", "alone", cwd=place)
    assert pushed.code == 0 and "without latents" in pushed.err
    queries = samples(place, 5)
    there = hits(place, queries, "--via", server, "--table", "alone", "--exact")
    assert there == hits(place, queries, "--index", "alone", "--exact")
    refused = aesearch("push", server, "--table", "alone", cwd=place)
    assert refused.code == 4 and "latents: expected 0 numbers, got 64" in refused.err


def test_the_function_finds_the_nearest_codes(server: str, sql: Sql, place: Path) -> None:
    push(server, place)
    code = "(select code from images where path = 'digits/7/0044.png')"
    found = sql.execute(f"select path, label, distance from aesearch_neighbours({code}, 5)").fetchall()
    assert found[0] == ("digits/7/0044.png", "7", 0) and len(found) == 5
    true = sql.execute(f"select (code <~> {code})::int from images order by 1 limit 300").fetchall()
    assert [row[2] for row in found] == [row[0] for row in true[:5]]
    many = sql.execute(f"select distance from aesearch_neighbours({code}, 300)").fetchall()
    assert len(many) == 300 and sum(row[0] for row in many) <= 1.02 * sum(row[0] for row in true)
    push(server, place, "--table", "more")
    for call, expected in (
        (f"{code}, 5", "as there are 2"),
        ("B'0101', 5, 'images'", "expected a code of 64 bits, got 4"),
        (f"{code}, 5, 'pg_class'", "pg_class is no table of aesearch"),
    ):
        with pytest.raises(psycopg.Error, match=expected):
            sql.execute(f"select * from aesearch_neighbours({call})")
    assert sql.execute(f"select path, label, distance from aesearch_neighbours({code}, 5, 'more')").fetchall() == found


def test_pgvector_may_be_in_another_schema(server: str, sql: Sql, place: Path) -> None:
    sql.execute("create schema elsewhere; create extension vector schema elsewhere")
    push(server, place)
    assert hits(place, ["7.png"], "--via", server, "--exact") == hits(place, ["7.png"], "--exact")
    found = sql.execute("select distance from aesearch_neighbours((select code from images limit 1), 3)").fetchall()
    assert found[0] == (0,)
    sql.execute("drop schema elsewhere cascade")


def generated(place: Path, n: int) -> Path:
    """A Parquet file of codes that no image has."""
    rng = np.random.default_rng(1)
    codes, latents = rng.bytes(8 * n), rng.integers(-127, 128, 64 * n, np.int8).tobytes()
    rows = {
        "path": [f"made/{at:06}.png" for at in range(n)],
        "hash": [at.to_bytes(32, "little") for at in range(n)],
        "code": [codes[8 * at : 8 * at + 8] for at in range(n)],
        "latent": [latents[64 * at : 64 * at + 64] for at in range(n)],
        "latent_scale": pa.array(np.full(n, 0.01), pa.float32()),
    }
    parquet.write_table(pa.table(rows), place / f"{n}.parquet")
    made = aesearch("index", "--from-codes", f"{n}.parquet", "--binarizer", ".aesearch", "--index", f"made-{n}", cwd=place)
    assert made.code == 0, made.err
    return place / f"made-{n}"


def test_a_push_that_is_killed_goes_on(server: str, sql: Sql, place: Path) -> None:
    """The third batch waits in the server until the program is dead."""
    n = 3 * BATCH + 500
    few, all_of_them = generated(place, 3), generated(place, n)
    push(server, place, "--index", few)
    sql.execute("drop index images_code_idx")
    sql.execute(
        "create function wait() returns trigger language plpgsql as $$ begin "
        f"if (select count(*) from images) >= {2 * BATCH} then perform pg_sleep(600); end if; return null; end $$"
    )
    sql.execute("create trigger slow before insert on images for each statement execute function wait()")
    waiting = "select pid from pg_stat_activity where application_name = 'aesearch' and wait_event = 'PgSleep'"
    with subprocess.Popen([PROGRAM, "push", server, "--index", str(all_of_them)], cwd=place, stderr=subprocess.PIPE) as program:
        deadline = time.monotonic() + 300
        while not (pids := sql.execute(waiting).fetchall()):
            assert program.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        locked = aesearch("push", server, "--index", few, cwd=place)
        assert locked.code == 5 and "another push fills it" in locked.err
        os.kill(program.pid, signal.SIGKILL)
    sql.execute("select pg_terminate_backend(%s)", [pids[0][0]])
    while sql.execute(waiting).fetchall():
        time.sleep(0.05)
    sql.execute("drop trigger slow on images")
    kept = versions(sql)
    assert len(kept) == 2 * BATCH + 3
    assert "a push has not ended" in aesearch("query", "7.png", "--via", server, cwd=place).err
    rest = push(server, place, "--index", all_of_them)
    assert [rest[key] for key in ("added", "changed", "unchanged", "search_index_built")] == [n - len(kept), 0, len(kept), True]
    now = versions(sql)
    assert len(now) == n and all(now[path] == kept[path] for path in kept)
    assert "a push has not ended" not in aesearch("query", "7.png", "--via", server, cwd=place).err


def test_names_of_tables_are_names_and_nothing_else(server: str, sql: Sql, place: Path) -> None:
    push(server, place)
    for name in ('we"ird', "x'; drop table images; --", 'x"; drop table images; --', "Größe 1", "aes$search$"):
        assert push(server, place, "--table", name)["added"] == 2001
        assert len(versions(sql, name)) == 2001
        assert len(hits(place, ["7.png"], "--via", server, "--table", name)[0]) == 10
    sql.execute("create schema other")
    assert push(server, place, "--table", "other.images")["added"] == 2001
    assert sql.execute("select count(*) from other.images").fetchone() == (2001,)
    code = "(select code from other.images limit 1)"
    assert len(sql.execute(f"select * from other.aesearch_neighbours({code}, 4)").fetchall()) == 4
    sql.execute("drop schema other cascade")
    assert len(versions(sql)) == 2001
    for wrong in ("", "a.b.c", ".", "x" * 64, "aesearch_tables", "a\nb"):
        refused = aesearch("push", server, "--table", wrong, cwd=place)
        assert refused.code == 2 and refused.err.startswith('error: table "'), refused.err


def test_what_is_not_ours_or_not_alike_is_refused(server: str, sql: Sql, place: Path) -> None:
    sql.execute("create table theirs (a integer)")
    refused = aesearch("push", server, "--table", "theirs", cwd=place)
    assert refused.code == 2 and "expected a table that `aesearch push` made, got another one" in refused.err
    refused = aesearch("query", "7.png", "--via", server, "--table", "theirs", cwd=place)
    assert refused.code == 2 and "expected a table that `aesearch push` made, got none" in refused.err
    push(server, place)
    before = versions(sql)
    few = [f"digits/{digit}/0001.png" for digit in range(10)]
    for words, expected in ((["--model", "photos"], "codes of different models"), (["--binarizer", "itq"], "codes of different binarizers")):
        assert aesearch("index", *few, *words, "--index", "other", cwd=place).code == 0
        refused = aesearch("push", server, "--index", "other", cwd=place)
        assert refused.code == 4 and expected in refused.err, refused.err
        shutil.rmtree(place / "other")
    assert versions(sql) == before
    sql.execute("drop table images")  # by hand: what is listed of it no longer counts
    assert push(server, place)["added"] == 2001


def test_servers_that_do_not_let_us_in_are_named_without_the_password(server: str, sql: Sql, place: Path) -> None:
    data = sql.execute("show hba_file").fetchone()
    assert data is not None
    rules = Path(data[0])
    before = rules.read_text("utf-8")
    push(server, place)
    sql.execute("create role limited login password 'the right one'")
    sql.execute("grant usage on schema public to limited")
    try:
        rules.write_text("local all limited scram-sha-256\n" + before, "utf-8")
        sql.execute("select pg_reload_conf()")
        time.sleep(0.5)
        url = server.replace("postgres:@", "limited:hunter2@")
        assert url != server
        refused = aesearch("push", url, cwd=place)
        assert refused.code == 2 and "password authentication failed" in refused.err and "hunter2" not in refused.err
        plain = server.replace("postgres:@", "limited@")
        refused = aesearch("push", plain, "--table", "mine", cwd=place, PGPASSWORD="the right one")
        assert refused.code == 2 and "permission denied" in refused.err and "the right" not in refused.err, refused.err
    finally:
        rules.write_text(before, "utf-8")
        sql.execute("select pg_reload_conf()")
        sql.execute("drop owned by limited; drop role limited")
    for url, expected in (
        ("postgres://me:hunter2@127.0.0.1:1/photos", "127.0.0.1:1/photos, table images: error connecting to server"),
        ("postgres://me:hunter2@127.0.0.1:1/photos?sslmode=require", "TLS is not built in"),
        ("postgres://me:hunter2@127.0.0.1:port/photos", "expected postgres://USER@HOST:PORT/DATABASE"),
        ("host=127.0.0.1 password=hunter2", "expected postgres://USER@HOST:PORT/DATABASE"),
    ):
        for words in (["push", url], ["query", "7.png", "--via", url]):
            refused = aesearch(*words, cwd=place)
            assert refused.code == 2 and expected in refused.err and "hunter2" not in refused.err, refused.err
