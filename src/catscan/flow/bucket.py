"""The store of results in a bucket of S3, or of a server that speaks as S3 does, for a team without a shared disk.

Log-in, region and server are those of boto3: its variables (``AWS_PROFILE``, ``AWS_ENDPOINT_URL``, ...) and files. An
object is an entry as `store` has it, put as a whole: nobody sees half of one. A bucket knows no locks, so that two
equal jobs at once both compute; when an entry was last used it does not know either, and the oldest goes first.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from catscan.common.errors import CatscanError
from catscan.flow.store import NAME, S3, Opened, Store

SECONDS = 10.0  # to reach the server, and between its bytes
GONE = {"NoSuchKey", "404"}


class Bucket(Store):
    """The store at an address: ``s3://BUCKET`` or ``s3://BUCKET/FOLDER``.

    Raises
    ------
    CatscanError
        When the address names no bucket, or boto3 is not installed.
    """

    is_near = False

    def __init__(self, address: str, limit: int) -> None:
        self.bucket, _, below = address.removeprefix(S3).strip("/").partition("/")
        if not self.bucket:
            raise CatscanError(
                "A store in S3 needs a bucket.", where="cache.path", found=address, do="Write s3://BUCKET/FOLDER."
            )
        try:
            import boto3  # noqa: F401
        except ModuleNotFoundError as error:
            raise CatscanError(
                "A store in S3 needs boto3, which is not installed.",
                where="cache.path",
                found=address,
                do="Write CATSCAN_CLOUD=1 before the command: `./run` then installs it, once. Or name a folder.",
            ) from error
        super().__init__(Path(), limit)  # no folder: all that touches one is overridden
        self.place = address
        self.prefix = f"{below}/" if below else ""
        self._fault: OSError | None = None

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        how = Config(connect_timeout=SECONDS, read_timeout=SECONDS, retries={"total_max_attempts": 2})
        return boto3.session.Session().client("s3", config=how)

    def _asked(self, what: str, **how: Any) -> Any:
        """The answer of the server.

        Raises
        ------
        FileNotFoundError
            When there is no such entry.
        OSError
            When the server refuses, or cannot be reached; once that was so, it is not asked again.
        """
        if self._fault is not None:
            raise self._fault
        with self._told():
            return getattr(self._client, what)(Bucket=self.bucket, **how)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Raise as `OSError` what boto3 raises."""
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in GONE:
                raise FileNotFoundError from error
            raise OSError(code or str(error)) from error
        except (BotoCoreError, Boto3Error, ValueError) as error:  # ValueError: an endpoint that is no address
            self._fault = OSError(str(error))
            raise self._fault from error

    @contextmanager
    def _open(self, name: str) -> Iterator[Opened | None]:
        try:
            found = self._asked("get_object", Key=self.prefix + name)
        except FileNotFoundError:
            yield None
            return
        with self._told(), io.BufferedReader(found["Body"]) as file:
            yield Opened(file, found["ContentLength"], found["LastModified"].timestamp())

    @contextmanager
    def _new(self, name: str, size: int) -> Iterator[IO[bytes]]:
        del size
        with tempfile.TemporaryFile() as file:
            yield file
            file.seek(0)
            self._asked("upload_fileobj", Key=self.prefix + name, Fileobj=file)

    def _remove(self, name: str) -> None:
        self._asked("delete_object", Key=self.prefix + name)

    def _files(self) -> Iterator[tuple[float, int, str]]:
        more: dict[str, str] = {}
        while True:
            page = self._asked("list_objects_v2", Prefix=self.prefix, **more)
            for one in page.get("Contents", []):
                name = one["Key"].removeprefix(self.prefix)
                if NAME.fullmatch(name):
                    yield one["LastModified"].timestamp(), one["Size"], name
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def used(self, name: str) -> None:
        """A bucket does not note it."""

    def _sweep(self) -> None:
        """Nothing is left of a killed writer: an object is there whole or not at all."""

    def alone(self, name: str, waiting: Callable[[], None]) -> Any:
        """A bucket has no locks."""
        del name, waiting
        return nullcontext()
