"""A stand-in for Kaggle: the endpoints that catscan uses, spoken to by the unmodified official client.

    with serve(folder_of_a_competition, home=tmp_path / "home") as server:
        subprocess.run(["catscan", "download", ...], env=os.environ | server.environment)

The client is pointed at it by variables alone: it takes "localhost" for Kaggle, and this server for its proxy.
"""
# ruff: noqa: N802  (the methods are called as the endpoints, and as http.server wants them)

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import socket
import threading
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest

SLUG = "dogs-vs-cats-redux-kernels-edition"
TOKEN = "KGAT_1f0d3c5b7a9e"  # what tests look for in logs; it opens nothing
SIGNATURE = "5ec7e75197a7"  # likewise: it stands in the signed addresses
USER = "somebody"


@dataclass
class Answer:
    """A scripted refusal: sent instead of what the endpoint would say."""

    status: int
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    page: str = ""  # a page for people, sent in place of JSON


class KaggleServer(ThreadingHTTPServer):
    """One competition; its behaviour is changed by setting attributes."""

    daemon_threads = True

    def __init__(self, folder: Path, home: Path, slug: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.home, self.slug = folder, home, slug
        self.token_is_set = True  # in the environment; else the test brings credentials of another kind
        self.script: dict[str, list[Answer]] = defaultdict(list)  # endpoint (or "GET", "PUT") -> refusals, used up
        self.cuts: list[int] = []  # each download is cut off after this many bytes, while there are any
        self.stalls = 0  # so many downloads stand still halfway
        self.wrong_sums = 0  # so many downloads declare a wrong MD5
        self.version = "1"  # part of the ETag
        self.zipped_tables = False  # serve labels.csv as labels.csv.zip
        self.calls: list[str] = []  # endpoints in the order they were called; GETs with their Range
        self.uploads: dict[str, bytes] = {}
        self.submissions: list[dict[str, Any]] = []
        self.verdicts = ["PENDING", "COMPLETE"]  # the states that GetSubmission goes through
        self.score, self.reason = "0.04217", ""
        self.limits = {"numToday": 1, "numTotal": 7, "numAllowedNow": 4, "limitedByTotal": False}
        self.about: dict[str, Any] = {"userHasEntered": True, "isKernelsSubmissionsOnly": False}
        self.known = [slug, "dogs-vs-cats", "cassava-leaf-disease-classification"]

    def handle_error(self, *_: Any) -> None:
        """A reader that goes away in the middle is what some tests are about."""

    @property
    def environment(self) -> dict[str, str]:
        """Variables that send the official client here, and every other request nowhere."""
        proxy = f"http://127.0.0.1:{self.server_address[1]}"
        return {
            "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
            **({"KAGGLE_API_TOKEN": TOKEN} if self.token_is_set else {}),
            "KAGGLE_CONFIG_DIR": str(self.home / ".kaggle"),
            "HOME": str(self.home),
            "http_proxy": proxy,
            "https_proxy": proxy,  # it knows no CONNECT, so that https leads nowhere
            "all_proxy": proxy,
            "no_proxy": "",
            "NO_PROXY": "",
        }

    def data(self, name: str) -> bytes:
        """The bytes of one file, or of the whole competition as Kaggle zips it."""
        if name == f"{self.slug}.zip":
            whole = io.BytesIO()
            with zipfile.ZipFile(whole, "w") as archive:
                for file in self.names():
                    archive.writestr(zipfile.ZipInfo(file), (self.folder / file).read_bytes())
            return whole.getvalue()
        if self.zipped_tables and name.endswith(".csv.zip"):
            table = io.BytesIO()
            with zipfile.ZipFile(table, "w") as archive:
                archive.writestr(zipfile.ZipInfo(name[:-4]), (self.folder / name[:-4]).read_bytes())
            return table.getvalue()
        return (self.folder / name).read_bytes()

    def names(self) -> list[str]:
        """The files on offer, with their folders."""
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())


class _Handler(BaseHTTPRequestHandler):
    server: KaggleServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed: a test's output is catscan's."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        endpoint = urlsplit(self.path).path.rsplit("/", 1)[-1]
        self.server.calls.append(endpoint)
        basic = "Basic " + base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
        if self._is_scripted(endpoint):
            return
        if endpoint == "IntrospectToken":
            self._json({"active": body["token"] == TOKEN, "username": USER})
        elif self.headers.get("Authorization") not in (f"Bearer {TOKEN}", basic):
            self._refuse(Answer(401, "Unauthenticated"))
        elif body.get("competitionName", self.server.slug) != self.server.slug:
            self._refuse(Answer(404, "Not found"))
        else:
            getattr(self, f"_{endpoint}")(body)

    def _ListCompetitions(self, _: dict[str, Any]) -> None:
        site = "https://www.kaggle.com/competitions/"
        self._json({"competitions": [{"ref": site + name} for name in self.server.known]})

    def _ListDataFiles(self, body: dict[str, Any]) -> None:
        names, start = self.server.names(), int(body.get("pageToken") or 0)
        end = start + min(int(body.get("pageSize") or 20), 20)  # Kaggle gives fewer than asked when it likes
        files = [
            {"name": n, "totalBytes": (self.server.folder / n).stat().st_size, "creationDate": "2016-09-02T00:00:00Z"}
            for n in names[start:end]
        ]
        self._json({"files": files, "nextPageToken": str(end) if end < len(names) else ""})

    def _GetCompetition(self, _: dict[str, Any]) -> None:
        self._json({"id": 1, "ref": self.server.slug, **self.server.about})

    def _DownloadDataFiles(self, _: dict[str, Any]) -> None:
        self._redirect(f"{self.server.slug}.zip")

    def _DownloadDataFile(self, body: dict[str, Any]) -> None:
        name = body["fileName"]
        if name not in self.server.names():
            self._refuse(Answer(404, "Not found"))
            return
        self._redirect(name + ".zip" if self.server.zipped_tables and name.endswith(".csv") else name)

    def _GetSubmissionLimits(self, _: dict[str, Any]) -> None:
        self._json(self.server.limits)

    def _StartSubmissionUpload(self, _: dict[str, Any]) -> None:
        token = f"blob-{len(self.server.uploads)}"
        self._json({"token": token, "createUrl": f"http://localhost/upload/{token}?X-Goog-Signature={SIGNATURE}"})

    def _CreateSubmission(self, body: dict[str, Any]) -> None:
        assert body["blobFileTokens"] in self.server.uploads
        ref = 1000 + len(self.server.submissions)
        description = body.get("submissionDescription", "")
        self.server.submissions.insert(0, {"ref": ref, "description": description, "status": "PENDING"})
        self._json({"message": "Successfully submitted", "ref": ref})

    def _ListSubmissions(self, _: dict[str, Any]) -> None:
        self._json({"submissions": self.server.submissions})

    def _GetSubmission(self, body: dict[str, Any]) -> None:
        verdicts = self.server.verdicts
        status = verdicts.pop(0) if len(verdicts) > 1 else verdicts[0]
        scores = {"publicScore": self.server.score, "privateScore": ""} if status == "COMPLETE" else {}
        reason = {"errorDescription": self.server.reason} if status == "ERROR" else {}
        entry = next(entry for entry in self.server.submissions if entry["ref"] == body["ref"])
        self._json({**entry, "status": status, **scores, **reason})

    def do_GET(self) -> None:
        name = unquote(urlsplit(self.path).path.removeprefix("/files/"))
        wanted = self.headers.get("Range", "")
        is_for_catscan = "identity" in self.headers.get("Accept-Encoding", "")  # else the client's own look, not read
        self.server.calls.append(f"{'GET' if is_for_catscan else 'LOOK'} {name} {wanted}".strip())
        if self._is_scripted("GET"):
            return
        data = self.server.data(name)
        tag = '"' + hashlib.sha256(data).hexdigest()[:12] + f'-{self.server.version}"'
        found = re.fullmatch(r"bytes=(\d+)-", wanted)
        start = int(found[1]) if found and self.headers.get("If-Range") == tag else 0
        digest = hashlib.md5(data).digest()
        if self.server.wrong_sums:
            self.server.wrong_sums -= 1
            digest = bytes(16)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", tag)
        self.send_header("Last-Modified", "Fri, 02 Sep 2016 00:00:00 GMT")
        self.send_header("x-goog-hash", "crc32c=AAAAAA==, md5=" + base64.b64encode(digest).decode())
        self.end_headers()
        if self.server.cuts and is_for_catscan:
            self.wfile.write(data[start : start + self.server.cuts.pop(0)])
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if self.server.stalls and is_for_catscan and len(data) > 100_000:
            self.server.stalls -= 1
            self.wfile.write(data[start : len(data) // 2])
            self.wfile.flush()
            self.rfile.read(1)  # until the reader goes away
            self.close_connection = True
            return
        try:
            self.wfile.write(data[start:])
        except OSError:
            self.close_connection = True  # the reader has seen enough

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.calls.append("PUT")
        if self._is_scripted("PUT"):
            return
        self.server.uploads[urlsplit(self.path).path.rsplit("/", 1)[-1]] = data
        self._json({}, status=201)

    def _is_scripted(self, endpoint: str) -> bool:
        waiting = self.server.script[endpoint]
        if waiting:
            self._refuse(waiting.pop(0))
            return True
        return False

    def _redirect(self, name: str) -> None:
        self.send_response(302)
        self.send_header("Location", f"http://localhost/files/{quote(name)}?X-Goog-Signature={SIGNATURE}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _refuse(self, answer: Answer) -> None:
        if answer.page:
            self._send(answer.page.encode(), answer.status, {"Content-Type": "text/html"})
        else:
            self._json({"code": answer.status, "message": answer.message}, answer.status, answer.headers)

    def _json(self, value: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._send(json.dumps(value).encode(), status, {"Content-Type": "application/json", **(headers or {})})

    def _send(self, body: bytes, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serve(folder: Path, *, home: Path, slug: str = SLUG) -> Iterator[KaggleServer]:
    """Serve the files of ``folder`` as the competition ``slug``; ``home`` becomes the user's home folder."""
    home.mkdir(parents=True, exist_ok=True)
    server = KaggleServer(folder, home, slug)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def attach(server: KaggleServer, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Point this process at the server; gives the list of the pauses that catscan would have made."""
    from catscan.kaggle import api as kaggle_api

    for name in list(os.environ):
        if name.startswith("KAGGLE_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    pauses: list[float] = []
    monkeypatch.setattr(kaggle_api, "sleep", pauses.append)
    return pauses


@contextmanager
def only_loopback() -> Iterator[None]:
    """Let this process connect to no other machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test tried to reach {address}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield
