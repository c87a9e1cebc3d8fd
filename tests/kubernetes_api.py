"""What Snakemake's Kubernetes executor asks of an API server; a pod is a process in a folder of its own.

It refuses what a real server refuses and the executor is known to send: a GPU without a limit of as many, the log of an
earlier container of a pod that had only one.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

GPU = "nvidia.com/gpu"


@dataclass
class Pod:
    """One that was asked for: its description, its folder and, once it has begun, its process."""

    body: dict[str, Any]
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def container(self) -> dict[str, Any]:
        return dict(self.body["spec"]["template"]["spec"]["containers"][0])

    @property
    def command(self) -> str:
        return str(self.container["args"][1])

    @property
    def log(self) -> str:
        return (self.folder.parent / f"{self.folder.name}.log").read_text()


@dataclass
class Cluster:
    """A server with the pods that it was asked for.

    Attributes
    ----------
    image
        The variables that the image sets; of this process's environment a pod gets none.
    fails
        Whether a pod is to fail instead of computing.
    """

    folder: Path
    image: dict[str, str]
    fails: Callable[[Pod], bool] = lambda _: False
    pods: dict[str, Pod] = field(default_factory=dict)
    made: list[Pod] = field(default_factory=list)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)

    def start(self, body: dict[str, Any]) -> str:
        """Begin a job; the reason where it is refused, else ""."""
        container = body["spec"]["template"]["spec"]["containers"][0]
        wanted, limits = (container["resources"].get(key, {}) for key in ("requests", "limits"))
        if GPU in wanted and limits.get(GPU) != wanted[GPU]:
            return "Limit must be set for non overcommitable resources"
        folder = self.folder / body["metadata"]["name"]
        folder.mkdir()
        environment = {**self.image, "PYTHONPATH": str(folder / "src"), "HOME": str(folder)}
        for one in container.get("env", []):
            held = one["valueFrom"]["secretKeyRef"]
            environment[one["name"]] = self.secrets[held["name"]][held["key"]]
        with (self.folder / f"{folder.name}.log").open("wb") as log:
            command = [*container["command"], *container["args"]]
            pod = Pod(body, folder, None)  # type: ignore[arg-type]
            command = ["false"] if self.fails(pod) else command
            pod.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        self.pods[folder.name] = pod
        self.made.append(pod)
        return ""


def _handler(cluster: Cluster) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def answer(self, body: object, code: int = 200) -> None:
            text = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "text/plain" if isinstance(body, str) else "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def refuse(self, code: int, why: str) -> None:
            self.answer({"kind": "Status", "status": "Failure", "message": why, "code": code}, code)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path.endswith("/secrets"):
                held = {key: base64.b64decode(text).decode() for key, text in body["data"].items()}
                cluster.secrets[body["metadata"]["name"]] = held
            elif why := cluster.start(body):
                self.refuse(422, why)
                return
            self.answer(body, 201)

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            parts, asked = url.path.strip("/").split("/"), parse_qs(url.query)
            if parts[-1] == "status":
                self.answer(_job(cluster.pods[parts[-2]]))
            elif parts[-1] == "pods":
                name = asked["labelSelector"][0].removeprefix("job-name=")
                pods = [_pod(name, cluster.pods[name])] if name in cluster.pods else []
                self.answer({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods})
            elif asked.get("previous") == ["True"]:
                self.refuse(400, f'previous terminated container "snakemake" in pod "{parts[-2]}" not found')
            else:
                self.answer(cluster.pods[parts[-2].removesuffix("-pod")].log)

        def do_DELETE(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            name = self.path.partition("?")[0].rpartition("/")[2]
            if "/secrets/" in self.path:
                del cluster.secrets[name]
            elif "/jobs/" in self.path and (pod := cluster.pods.pop(name, None)):
                pod.process.kill()
                pod.process.wait()
            self.answer({"kind": "Status", "status": "Success"})

    return Handler


def _job(pod: Pod) -> dict[str, Any]:
    code = pod.process.poll()
    status = {"active": 1} if code is None else {"failed": 1} if code else {"succeeded": 1}
    return {**pod.body, "status": status}


def _pod(name: str, pod: Pod) -> dict[str, Any]:
    code = pod.process.poll()
    state = {"running": {}} if code is None else {"terminated": {"exitCode": code}}
    container = {"name": "snakemake", "image": "", "imageID": "", "ready": True, "restartCount": 0, "state": state}
    return {
        "metadata": {"name": f"{name}-pod"},
        "spec": {"containers": [{"name": "snakemake"}]},
        "status": {"containerStatuses": [container]},
    }


@contextmanager
def serving(cluster: Cluster) -> Iterator[Path]:
    """Give the path of a kubeconfig that leads to the cluster; pods that still run are killed at the end."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(cluster))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    named = {
        "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "me", "user": {"token": "of no use"}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
    }
    kubeconfig = cluster.folder / "kubeconfig.json"
    kubeconfig.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "here", **named}))
    try:
        yield kubeconfig
    finally:
        server.shutdown()
        thread.join()
        for pod in cluster.pods.values():
            pod.process.kill()
            pod.process.wait()


def image_of_this_machine(folder: Path) -> dict[str, str]:
    """The variables of an image whose programs are this process's; its pip installs nothing, as all is there."""
    (folder / "bin").mkdir()
    (folder / "bin" / "pip").write_text("#!/bin/sh\nexit 0\n")
    (folder / "bin" / "pip").chmod(0o755)
    return {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
