"""`aesearch index s3://...`: what a bucket holds, through a server that fails now and then."""

from __future__ import annotations

import tarfile
import threading
from collections import Counter
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from conftest import BUCKET, OF_EACH, Bench
from segments import codes
from store import Faults

URL = f"s3://{BUCKET}/digits"
ALL = 10 * OF_EACH


class Site(SimpleHTTPRequestHandler):
    """A folder on the web."""

    def do_PROPFIND(self) -> None:
        self.send_error(405)

    def log_message(self, format: str, *args: object) -> None:
        pass


def names(bench: Bench, index: str) -> set[str]:
    return set(codes(bench.work / index))


def test_an_index_of_a_bucket_is_that_of_the_same_files(bench: Bench) -> None:
    # the binarizer is fitted to the images in their order, so that this must be the same too
    for where, index in ((bench.digits, "here"), (URL, "there")):
        report = bench.index(where, "--binarizer", "itq", "--index", index).done()
        assert (report["added"], report["skipped"]) == (ALL, [])
    here, there = codes(bench.work / "here"), codes(bench.work / "there")
    assert len(here) == ALL and here == there
    asked = next(bench.digits.glob("7/*.png"))
    hits = bench.run("query", asked, "--index", "there", "-k", "5").done()["queries"][0]["hits"]
    assert hits[0]["path"] == f"{URL}/7/{asked.name}" and hits[0]["distance"] == 0 and hits[0]["label"] == "7"
    # but for a sample, by which model and polarity are decided
    often = Counter(bench.store.downloads())
    assert max(often.values()) <= 3 and sum(often.values()) <= ALL + 2 * 128


def test_a_second_run_downloads_nothing(bench: Bench) -> None:
    bench.index(URL).done()
    assert len(set(bench.store.downloads())) == ALL
    bench.store.forget()
    report = bench.index(URL).done()
    assert (report["unchanged"], report["encoded"]) == (ALL, 0)
    assert bench.store.downloads() == []


def test_what_changed_is_read_again_and_what_was_deleted_leaves(bench: Bench) -> None:
    bench.index(URL).done()
    before = codes(bench.work / ".aesearch")
    [changed, deleted, *_] = sorted(bench.digits.glob("3/*.png"))
    other = next(bench.digits.glob("8/*.png"))
    bench.put(f"digits/3/{changed.name}", other)
    bench.store.client.delete_object(Bucket=BUCKET, Key=f"digits/3/{deleted.name}")
    bench.store.forget()
    report = bench.index(URL).done()
    assert [report[what] for what in ("changed", "removed", "unchanged")] == [1, 1, ALL - 2]
    assert bench.store.downloads() == [f"/{BUCKET}/digits/3/{changed.name}"]
    after = codes(bench.work / ".aesearch")
    assert after[f"3/{changed.name}"] == before[f"8/{other.name}"] and f"3/{deleted.name}" not in after
    # an index of one prefix keeps what another brought
    report = bench.index(f"{URL}/8").done()
    assert (report["images"], report["removed"]) == (ALL - 1, 0)
    report = bench.run("remove", f"{URL}/8").done()
    assert (report["removed"], report["images"]) == (OF_EACH, ALL - 1 - OF_EACH)


def test_what_cannot_be_listed_loses_nothing(bench: Bench) -> None:
    bench.index(URL).done()
    bench.store.faults = Faults(forbidden=(f"/{BUCKET}",))
    ran = bench.index(URL)
    assert ran.code == 2 and "permission denied" in ran.err and "AWS_ACCESS_KEY_ID" in ran.err, ran.err
    bench.store.faults = Faults()
    for url in ("s3://no-such-bucket/digits", f"s3://{BUCKET}/no-such-prefix"):
        ran = bench.index(url)
        assert ran.code == 2 and "no such object" in ran.err and url in ran.err, ran.err
    (bench.work / "list").write_text(f"s3://{BUCKET}/gone\n{bench.digits}/0\n")
    assert bench.index("--files-from", "list").done(3)["skipped"][0]["path"] == f"s3://{BUCKET}/gone"
    assert names(bench, ".aesearch") >= {f"{file.parent.name}/{file.name}" for file in bench.digits.rglob("*.png")}
    # all objects of the prefix are gone: their images stay until they are removed
    for key in bench.store.client.list_objects_v2(Bucket=BUCKET)["Contents"]:
        bench.store.client.delete_object(Bucket=BUCKET, Key=key["Key"])
    assert bench.index(URL).code == 2
    assert bench.run("info").done()["images"] == ALL + OF_EACH
    assert bench.run("remove", URL).done()["removed"] == ALL


def test_faults_lose_nothing_and_double_nothing(bench: Bench) -> None:
    bench.index(bench.digits, "--index", "here").done()
    bench.store.faults = Faults(share=0.2, stall_s=2)
    report = bench.index(URL, "--index", "there", AWS_TIMEOUT="1s").done()
    assert (report["added"], report["images"], report["skipped"]) == (ALL, ALL, [])
    assert all(bench.store.injected[kind] > 0 for kind in bench.store.faults.kinds), bench.store.injected
    assert codes(bench.work / "here") == codes(bench.work / "there")
    bench.store.faults = Faults(share=0.2, kinds=("500", "cut", "short"), seed=1)
    bench.store.forget()
    assert bench.index(URL, "--index", "there").done()["unchanged"] == ALL
    assert bench.store.downloads() == []


def test_an_object_that_cannot_be_had_is_skipped(bench: Bench) -> None:
    [one, *_] = sorted(bench.digits.glob("5/*.png"))
    bench.store.faults = Faults(forbidden=(f"GET /{BUCKET}/digits/5/{one.name}",))
    report = bench.index(URL).done(3)
    assert (report["added"], len(report["skipped"])) == (ALL - 1, 1)
    assert "permission denied" in report["skipped"][0]["reason"]
    bench.store.faults = Faults()
    assert bench.index(URL).done()["added"] == 1


def test_only_images_that_are_wanted_are_taken(bench: Bench) -> None:
    with tarfile.open(bench.work / "some.tar", "w") as archive:
        archive.add(next(bench.digits.glob("1/*.png")), "a.png")
    bench.put("digits/some.tar", bench.work / "some.tar")
    bench.put("digits/notes.txt", bench.work / "some.tar")
    bench.put("digits/.trash/a.png", next(bench.digits.glob("1/*.png")))
    bench.put("digits/with space #1 100%.png", next(bench.digits.glob("1/*.png")))
    report = bench.index(URL, "--exclude", "/2/", "--exclude", "9").done(3)
    assert [skipped["path"] for skipped in report["skipped"]] == [f"{URL}/some.tar"]
    assert "container in a bucket" in report["skipped"][0]["reason"]
    assert report["images"] == ALL - 2 * OF_EACH + 1
    ran = bench.run("query", f"{URL}/with space #1 100%.png", "--no-self").done()
    assert ran["queries"][0]["hits"][0]["distance"] == 0
    # twice the same, and one object alone
    report = bench.index(URL, f"{URL}/1", f"{URL}/with space #1 100%.png", "--index", "twice").done(3)
    assert (report["images"], report["added"]) == (ALL + 1, ALL + 1)


def test_what_reads_the_images_again_fetches_them(bench: Bench) -> None:
    bench.put("digits/7/twin.png", next(bench.digits.glob("7/*.png")))
    bench.index(URL).done()
    groups = bench.run("dedupe", "scan").done()["groups"]
    assert any(f"{URL}/7/twin.png" in str(group) for group in groups)
    assert bench.run("index", URL, "--thumbnails", "32").done()["thumbnails"]["images"] == ALL, "the twin shares one"
    assert bench.run("query", next(bench.digits.glob("7/*.png")), "--sheet", "sheet.png").code == 0
    copied = bench.run("cluster", "--k", "3", "--copy-to", "copies")
    assert copied.code == 0, copied.err
    assert len(list((bench.work / "copies").rglob("*.png"))) == ALL + 1
    ran = bench.index(URL, "--watch")
    assert ran.code == 2 and "a bucket" in ran.err, ran.err


def test_single_files_of_a_web_server_are_read_and_its_folders_need_webdav(bench: Bench) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Site, directory=str(bench.digits))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        site = f"http://127.0.0.1:{server.server_port}"
        [one, two, *_] = sorted(bench.digits.glob("4/*.png"))
        urls = [f"{site}/4/{file.name}" for file in (one, two)]
        assert bench.index(*urls).done()["added"] == 2
        assert bench.index(*urls).done()["unchanged"] == 2
        assert names(bench, ".aesearch") == {f"4/{one.name}", f"4/{two.name}"}
        ran = bench.index(f"{site}/4/")
        assert ran.code == 2 and "WebDAV" in ran.err, ran.err
        server.shutdown()


def test_paths_of_the_disk_are_as_before(bench: Bench) -> None:
    assert "no such file" in bench.index(Path("s3:") / "pictures").err
