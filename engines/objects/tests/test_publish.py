"""`aesearch publish s3://...`, and `--index s3://...`."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import BUCKET, OF_EACH, Bench
from store import Faults

INDEX = f"s3://{BUCKET}/index"
ALL = 10 * OF_EACH


def answers(bench: Bench, index: object) -> list[tuple[str, int, float]]:
    ran = bench.run("query", *sorted(bench.digits.glob("*/000[0-2].png")), "--index", index, "-k", "7", "--no-self")
    hits = [hit for query in ran.done()["queries"] for hit in query["hits"]]
    assert len(hits) == 7 * 30
    return [(hit["path"], hit["distance"], hit["similarity"]) for hit in hits]


def test_a_published_index_answers_as_the_local_one(bench: Bench) -> None:
    bench.index(bench.digits).done()
    bench.store.faults = Faults(share=0.2, kinds=("500", "cut", "short"))
    report = bench.run("publish", INDEX).done()
    assert (report["images"], report["sent"], report["kept"]) == (ALL, 2, 0)
    bench.store.forget()
    assert answers(bench, INDEX) == answers(bench, ".aesearch")
    bench.store.faults = Faults()
    bench.store.forget()
    assert answers(bench, INDEX) == answers(bench, ".aesearch")
    assert bench.store.downloads() == [f"/{BUCKET}/index/index.json"], "segments are kept by their hashes"
    assert bench.run("verify", "--index", INDEX).done()["ok"]
    assert bench.run("info", "--index", INDEX).done()["images"] == ALL
    for verb in (("index", bench.digits), ("compact",), ("remove", bench.digits)):
        ran = bench.run(*verb, "--index", INDEX)
        assert ran.code == 2 and "only read" in ran.err and "aesearch publish" in ran.err, ran.err


def test_a_second_publish_sends_what_is_new(bench: Bench) -> None:
    bench.index(*sorted(bench.digits.glob("[0-7]"))).done()
    first = bench.run("publish", INDEX).done()
    again = bench.run("publish", INDEX).done()
    assert (again["sent"], again["kept"]) == (0, first["sent"])
    bench.index(bench.digits / "8").done()
    later = bench.run("publish", INDEX).done()
    assert later["sent"] >= 1 and later["images"] == 9 * OF_EACH
    bench.run("remove", bench.digits / "3").done()
    other = bench.index(bench.digits / "9", "--index", "other").done()
    merged = bench.run("merge", INDEX, "other", "-o", "merged").done()
    assert merged["images"] == later["images"] + other["images"]
    assert bench.run("publish", INDEX).done()["kept"] >= 1, "tombstones and MANIFEST alone are new"
    assert answers(bench, INDEX) == answers(bench, ".aesearch")
    assert bench.run("info", "--index", INDEX).done()["images"] == 8 * OF_EACH


def test_a_publish_that_does_not_end_leaves_the_old_index(bench: Bench) -> None:
    bench.index(bench.digits / "1").done()
    bench.run("publish", INDEX).done()
    bench.index(bench.digits).done()
    bench.store.faults = Faults(forbidden=(f"PUT /{BUCKET}/index/index.json",))
    ran = bench.run("publish", INDEX)
    assert ran.code == 2 and "permission denied" in ran.err, ran.err
    assert bench.run("info", "--index", INDEX).done()["images"] == OF_EACH
    bench.store.faults = Faults()
    report = bench.run("publish", INDEX).done()
    assert (report["sent"], report["images"]) == (0, ALL), "its files had come"
    assert bench.run("info", "--index", INDEX).done()["images"] == ALL


def test_what_is_not_an_index_is_refused(bench: Bench) -> None:
    ran = bench.run("info", "--index", f"s3://{BUCKET}/digits")
    assert ran.code == 2 and "no index was published" in ran.err, ran.err
    bench.index(bench.digits).done()
    assert "expected a URL" in bench.run("publish", "here").err
    bench.run("publish", INDEX).done()
    client = bench.store.client
    contents = json.loads(client.get_object(Bucket=BUCKET, Key="index/index.json")["Body"].read())
    [segment] = [file for file in contents["files"] if file["name"].endswith(".seg")]
    client.put_object(Bucket=BUCKET, Key=f"index/files/{segment['sha256']}", Body=bytes(segment["bytes"]))
    ran = bench.run("info", "--index", INDEX)
    assert ran.code == 4 and "SHA-256" in ran.err, ran.err
    assert not list(Path(bench.work / "cache").rglob(segment["sha256"])), "nothing wrong is kept"
    segment["name"] = "../../escaped.seg"
    client.put_object(Bucket=BUCKET, Key="index/index.json", Body=json.dumps(contents).encode())
    assert bench.run("info", "--index", INDEX).code == 4
