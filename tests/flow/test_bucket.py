"""A store in a bucket of S3 is the store in a folder; the server is a local one that speaks as S3 does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_s3 import S3, serving

from catscan.cli import main
from catscan.common.errors import CatscanError
from catscan.flow.store import Broken, Store, name_of, store_at

PLACE = "s3://team/cats and dogs"
KEY = {"epochs": 2}
BYTES = bytes(range(256)) * 9000


def test_without_boto3_it_is_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(CatscanError, match=r"needs boto3(.|\n)*cache\.path"):
        store_at(PLACE, 1)


def test_an_address_without_a_bucket_is_one_block() -> None:
    with pytest.raises(CatscanError, match="needs a bucket"):
        store_at("s3://", 1)


@pytest.fixture(scope="module")
def server() -> Iterator[S3]:
    with serving() as one:
        yield one


@pytest.fixture
def client(server: S3, monkeypatch: pytest.MonkeyPatch) -> Any:
    """boto3's own, for an empty bucket."""
    for name, value in server.as_aws.items():
        monkeypatch.setenv(name, value)
    server.client.create_bucket(Bucket="team")
    for one in server.client.list_objects_v2(Bucket="team").get("Contents", []):
        server.client.delete_object(Bucket="team", Key=one["Key"])
    return server.client


@pytest.fixture
def store(client: Any) -> Store:
    del client
    found = store_at(PLACE, 10**9)
    assert found is not None
    return found


@pytest.fixture
def kept(store: Store, tmp_path: Path) -> Store:
    (tmp_path / "weights").write_bytes(BYTES)
    store.write(KEY, "train dogs: model", {"output 0": tmp_path / "weights"})
    return store


@pytest.mark.cloud
def test_what_is_kept_comes_back(kept: Store, tmp_path: Path) -> None:
    entry = kept.read(name_of(KEY), lambda name: tmp_path / f"{name} again")

    assert entry is not None
    assert (entry.key, entry.stage, entry.competition) == (KEY, "train", "dogs")
    assert (tmp_path / "output 0 again").read_bytes() == BYTES
    assert kept.read(name_of({"epochs": 3}), lambda _: None) is None


@pytest.mark.cloud
def test_objects_of_others_are_let_be(kept: Store, client: Any) -> None:
    for key in ("notes.txt", "cats and dogs/notes.txt", name_of(KEY)):
        client.put_object(Bucket="team", Key=key, Body=b"of others")

    assert kept.names() == [name_of(KEY)]
    assert kept.prune(0)[0] == 1
    assert len(client.list_objects_v2(Bucket="team")["Contents"]) == 3


@pytest.mark.cloud
@pytest.mark.parametrize(
    ("old", "new"), [(BYTES[:8], b"tampered"), (BYTES[-9:], b""), (b'"epochs": 2', b'"epochs": 3')]
)
def test_a_tampered_entry_is_refused(kept: Store, client: Any, old: bytes, new: bytes) -> None:
    where = {"Bucket": "team", "Key": f"cats and dogs/{name_of(KEY)}"}
    text = client.get_object(**where)["Body"].read()
    head, _, tail = text.rpartition(old)
    client.put_object(**where, Body=head + new + tail)

    with pytest.raises(Broken):
        kept.read(name_of(KEY), lambda _: None)


@pytest.mark.cloud
def test_the_oldest_go_first(kept: Store, tmp_path: Path) -> None:
    size = kept.entry(name_of(KEY)).size  # type: ignore[union-attr]
    for epochs in (5, 6):
        kept.write({"epochs": epochs}, "train dogs: model", {"output 0": tmp_path / "weights"})
    kept.prune(2 * size + size // 2)  # one has a few bytes more than another: the time is in it

    assert len(kept.names()) == 2


@pytest.mark.cloud
def test_a_server_that_is_gone_is_asked_once(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    del client
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    store = store_at(PLACE, 1)
    for _ in range(2):
        with pytest.raises(OSError, match="Could not connect"):
            store.read(name_of(KEY), lambda _: None)  # type: ignore[union-attr]
    assert store._fault is not None  # type: ignore[union-attr]


@pytest.mark.cloud
def test_a_bucket_that_is_not_there_is_told(client: Any) -> None:
    del client
    with pytest.raises(OSError, match="NoSuchBucket"):
        store_at("s3://another", 1).names()  # type: ignore[union-attr]


@pytest.mark.cloud
def test_the_commands_know_it(kept: Store, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["list"], ["verify"], ["prune", "--gigabytes", "0"]):
        main(["cache", *words, "--path", PLACE])
    told = capsys.readouterr().out

    assert f"{PLACE}: 1 result, 2.3 MB" in told
    assert f"{PLACE}: 1 result, all whole" in told
    assert f"{PLACE}: removed 1 result, 2.3 MB" in told
    assert kept.names() == []
