"""An S3 server on loopback (moto's), and a proxy before it that counts requests and answers some of them wrongly.

Whether a request fails depends on its path and on how often it came before, not on the order of requests, so that a run can be
repeated.
"""

from __future__ import annotations

import hashlib
import http.client
import logging
import os
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import boto3
from moto.server import ThreadedMotoServer

#: What may go wrong with an answer: the server fails, or is overloaded; the connection ends in the middle of a body; a body is
#: too short though its headers do not say so; nothing comes for a long time.
KINDS = ("500", "503", "cut", "short", "stall")


@dataclass
class Faults:
    """Which requests go wrong."""

    share: float = 0.0
    kinds: tuple[str, ...] = KINDS
    seed: int = 0
    stall_s: float = 3.0
    #: Requests whose method and path contain these texts are refused with 403.
    forbidden: tuple[str, ...] = ()

    def of(self, request: str, attempt: int) -> str | None:
        digest = hashlib.sha256(f"{self.seed} {request} {attempt}".encode()).digest()
        if int.from_bytes(digest[:4], "big") / 2**32 >= self.share:
            return None
        return self.kinds[digest[4] % len(self.kinds)]


@dataclass
class Store:
    """Both servers."""

    faults: Faults = field(default_factory=Faults)
    requests: list[tuple[str, str]] = field(default_factory=list)
    injected: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.lock = threading.Lock()
        self.attempts: Counter[str] = Counter()
        self.moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.moto.start()
        host, port = self.moto.get_host_and_port()
        self.behind = (host, port)
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=f"http://{host}:{port}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="secret-never-shown",
        )
        handler = type("Bound", (Proxy,), {"store": self})
        self.proxy = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.proxy.daemon_threads = True
        threading.Thread(target=self.proxy.serve_forever, daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.proxy.server_port}"

    def environment(self, **more: str) -> dict[str, str]:
        """For a program that uses the store through the proxy."""
        return {
            **{key: value for key, value in os.environ.items() if not key.startswith("AWS_")},
            "AWS_ENDPOINT": self.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "secret-never-shown",
            **more,
        }

    def forget(self) -> None:
        """Begins to count anew."""
        with self.lock:
            self.requests.clear()
            self.attempts.clear()
            self.injected.clear()

    def downloads(self) -> list[str]:
        """The paths of objects that were asked for, each as often as it was."""
        with self.lock:
            return [path for method, path in self.requests if method == "GET" and "list-type" not in path]

    def close(self) -> None:
        self.proxy.shutdown()
        self.moto.stop()


class Proxy(BaseHTTPRequestHandler):
    """One connection of a client."""

    store: Store
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self) -> None:
        store = self.store
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        request = f"{self.command} {self.path}"
        named = f"{request} {self.headers.get('range', '')}"
        with store.lock:
            store.requests.append((self.command, self.path))
            attempt = store.attempts[named]
            store.attempts[named] += 1
        if any(part in request for part in store.faults.forbidden):
            return self.send(403, [], b"<Error><Code>AccessDenied</Code></Error>")
        fault = store.faults.of(named, attempt)
        if fault in ("cut", "short") and self.command != "GET":
            fault = "500"
        if fault:
            with store.lock:
                store.injected[fault] += 1
        if fault in ("500", "503"):
            return self.send(int(fault), [], b"<Error><Code>InternalError</Code></Error>")
        if fault == "stall":
            time.sleep(store.faults.stall_s)
            self.close_connection = True
            return None
        behind = http.client.HTTPConnection(*store.behind, timeout=60)
        try:
            headers = {key: value for key, value in self.headers.items() if key.lower() != "connection"}
            behind.request(self.command, self.path, body=body or None, headers=headers)
            answer = behind.getresponse()
            status, kept, content = answer.status, answer.getheaders(), answer.read()
        finally:
            behind.close()
        kept = [(key, value) for key, value in kept if key.lower() not in ("connection", "transfer-encoding", "keep-alive")]
        if fault == "cut" and content:
            self.send(status, kept, content, sent=content[: len(content) // 2])
            self.close_connection = True
        elif fault == "short" and content:
            half = content[: len(content) // 2]
            self.send(status, [(key, value) for key, value in kept if key.lower() != "content-length"], half)
        else:
            self.send(status, kept, content)
        return None

    def send(self, status: int, headers: list[tuple[str, str]], body: bytes, sent: bytes | None = None) -> None:
        self.send_response_only(status)
        length = None
        for key, value in headers:
            if key.lower() == "content-length":
                length = value
            else:
                self.send_header(key, value)
        # the answer to HEAD says how long the object is
        self.send_header("content-length", length if self.command == "HEAD" and length else str(len(body)))
        self.end_headers()
        try:
            if self.command != "HEAD":
                self.wfile.write(body if sent is None else sent)
        except ConnectionError:  # the client waited long enough
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer

    def log_message(self, format: str, *args: object) -> None:
        pass


def key_of(url: str) -> str:
    """The path of an object as the server is asked for it: ``s3://bucket/a.png`` -> ``/bucket/a.png``."""
    parts = urlsplit(url)
    return f"/{parts.netloc}{parts.path}"
