"""An S3 server of this machine, which counts what it is asked for: moto, as CATSCAN_CLOUD=1 installs it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

KEYS = {"ACCESS_KEY": "of-a-test-3141", "SECRET_KEY": "of-a-test-5926"}  # of which moto asks for none


@dataclass
class S3:
    """The server: its address, and of each request its method and path."""

    address: str
    client: Any
    requests: list[tuple[str, str]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead Snakemake there."""
        return {f"SNAKEMAKE_STORAGE_S3_{key}": text for key, text in {"ENDPOINT_URL": self.address, **KEYS}.items()}

    @property
    def as_aws(self) -> dict[str, str]:
        """The variables that lead boto3 there."""
        names = {"ACCESS_KEY": "AWS_ACCESS_KEY_ID", "SECRET_KEY": "AWS_SECRET_ACCESS_KEY"}
        keys = {names[key]: text for key, text in KEYS.items()}
        return {"AWS_ENDPOINT_URL": self.address, "AWS_DEFAULT_REGION": "us-east-1", **keys}

    def objects(self, bucket: str, prefix: str) -> dict[str, bytes]:
        """What lies below a prefix, by the name after it."""
        found = self.client.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        keys = [one["Key"] for one in found]
        return {key.removeprefix(prefix): self.client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


@contextmanager
def serving() -> Iterator[S3]:
    """A server with nothing in it; the test is skipped where there is none, unless it was asked for."""
    try:
        import boto3
        from moto.server import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server
    except ImportError as error:
        if os.environ.get("CATSCAN_CLOUD"):
            raise
        pytest.skip(f"{error}: CATSCAN_CLOUD=1 ./run installs it")
    application = DomainDispatcherApplication(create_backend_app)

    def counted(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        s3.requests.append((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        return application(environ, start)

    server = make_server("127.0.0.1", 0, counted, threaded=True)
    address = f"http://127.0.0.1:{server.port}"
    keys = {"aws_access_key_id": KEYS["ACCESS_KEY"], "aws_secret_access_key": KEYS["SECRET_KEY"]}
    s3 = S3(address, boto3.client("s3", endpoint_url=address, region_name="us-east-1", **keys))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield s3
    finally:
        server.shutdown()
        thread.join()
