"""The source kind `kaggle`: the official client, unmodified, against a stand-in server on this machine."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from kaggle_server import SIGNATURE, SLUG, TOKEN, USER, Answer, KaggleServer, attach, serve

from catscan.common.errors import CatscanError, TryAgain
from catscan.flow import config
from catscan.kaggle.api import retrying
from catscan.stages import download

pytestmark = pytest.mark.usefixtures("server")
ROOT = Path(__file__).resolve().parents[3]
PICTURE = bytes(range(256)) * 40  # 10 kB


@pytest.fixture
def offered(tmp_path: Path) -> Path:
    """The files of the competition."""
    folder = tmp_path / "offered"
    folder.mkdir()
    for split in ("train", "test"):
        with zipfile.ZipFile(folder / f"{split}.zip", "w") as archive:
            for number in range(1, 31):
                archive.writestr(zipfile.ZipInfo(f"{split}/{number}.jpg"), PICTURE + bytes([number]))
    (folder / "sample_submission.csv").write_text("id,label\n1,0.5\n")
    return folder


@pytest.fixture
def server(offered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KaggleServer]:
    with serve(offered, home=tmp_path / "home") as server:
        server.pauses = attach(server, monkeypatch)
        yield server


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return tmp_path / "raw"


def run(raw: Path, **settings: Any) -> list[str]:
    """The download stage; gives the names in its manifest."""
    parser = argparse.ArgumentParser()
    download.register(parser)
    download.run(parser.parse_args(arguments(raw, **settings)))
    return [entry["name"] for entry in json.loads((raw / "manifest.json").read_text())["entries"]]


def arguments(raw: Path, **settings: Any) -> list[str]:
    """The stage's arguments."""
    text = json.dumps({"kind": "kaggle", "competition": SLUG, **settings})
    return ["--settings", text, "--raw", str(raw), "--truth", str(raw.parent / "truth")]


def refusal(raw: Path, **settings: Any) -> str:
    """The block that the stage ends with; nothing looks finished."""
    with pytest.raises(CatscanError) as caught:
        run(raw, **settings)
    assert not (raw / "manifest.json").exists()
    return str(caught.value)


def visible(raw: Path) -> list[str]:
    """What a later stage sees in the raw folder."""
    return sorted(path.name for path in raw.iterdir() if not path.name.startswith("."))


def bodies(server: KaggleServer) -> list[str]:
    """The requests for bytes."""
    return [call.removeprefix("GET ") for call in server.calls if call.startswith("GET")]


def test_no_test_reaches_another_machine() -> None:
    with pytest.raises(AssertionError, match="a test tried to reach"), socket.socket() as other:
        other.connect(("192.0.2.1", 80))


class TestFetching:
    def test_every_file_comes_and_stands_in_the_manifest(self, server: KaggleServer, offered: Path, raw: Path) -> None:
        names = run(raw)

        assert names == ["sample_submission.csv", "test.zip", "train.zip"]
        assert all((raw / name).read_bytes() == (offered / name).read_bytes() for name in names)
        assert server.pauses == []

    def test_the_record_tells_what_was_fetched(self, raw: Path) -> None:
        run(raw)
        entry = json.loads((raw / ".fetched.json").read_text())["sample_submission.csv"]

        assert entry["size"] == 15
        assert entry["md5"] == hashlib.md5(b"id,label\n1,0.5\n").hexdigest()
        assert entry["listed"] == {"name": "sample_submission.csv", "size": 15, "date": "2016-09-02 00:00:00"}

    def test_files_are_as_old_as_their_download(self, raw: Path) -> None:
        before = time.time() - 2
        run(raw)

        assert (raw / "train.zip").stat().st_mtime > before

    def test_only_the_named_files_come(self, server: KaggleServer, raw: Path) -> None:
        assert run(raw, files=["test.zip"]) == ["test.zip"]
        assert bodies(server) == ["test.zip"]

    def test_a_named_file_in_a_folder_comes_into_that_folder(self, offered: Path, raw: Path) -> None:
        (offered / "jpeg").mkdir()
        (offered / "jpeg" / "1.jpg").write_bytes(PICTURE)
        run(raw, files=["jpeg/1.jpg"])

        assert (raw / "jpeg" / "1.jpg").read_bytes() == PICTURE

    def test_many_files_come_as_one_zip(self, server: KaggleServer, offered: Path, raw: Path) -> None:
        (offered / "jpeg").mkdir()
        for number in range(50):
            (offered / "jpeg" / f"{number}.jpg").write_bytes(PICTURE)
        names = run(raw)

        assert bodies(server) == [f"{SLUG}.zip"]
        assert names == [f"{SLUG}.zip", "test.zip", "train.zip"]  # the archives in it are taken out
        with zipfile.ZipFile(raw / f"{SLUG}.zip") as archive:
            assert archive.read("jpeg/7.jpg") == PICTURE

    def test_a_table_that_comes_zipped_keeps_its_ending(self, server: KaggleServer, raw: Path) -> None:
        server.zipped_tables = True

        assert run(raw) == ["sample_submission.csv.zip", "test.zip", "train.zip"]
        assert run(raw) == ["sample_submission.csv.zip", "test.zip", "train.zip"]
        assert (raw / "sample_submission.csv.zip").exists()

    def test_a_7z_is_unpacked(self, offered: Path, raw: Path) -> None:
        import py7zr

        with py7zr.SevenZipFile(offered / "stage1.7z", "w") as archive:
            archive.writestr(b"slice", "stage1/0a38/1.dcm")

        assert run(raw, files=["stage1.7z"]) == ["stage1", "stage1.7z"]

    def test_a_second_run_fetches_nothing(self, server: KaggleServer, raw: Path) -> None:
        run(raw)
        first = (raw / "manifest.json").read_bytes()
        server.calls.clear()
        run(raw)

        assert bodies(server) == []
        assert (raw / "manifest.json").read_bytes() == first

    def test_a_file_of_another_version_is_fetched_again(self, server: KaggleServer, offered: Path, raw: Path) -> None:
        run(raw)
        (offered / "sample_submission.csv").write_text("id,label\n1,0.5\n2,0.5\n")
        server.calls.clear()
        run(raw)

        assert bodies(server) == ["sample_submission.csv"]

    def test_a_file_that_was_deleted_or_cut_here_is_fetched_again(self, server: KaggleServer, raw: Path) -> None:
        run(raw)
        (raw / "train.zip").write_bytes(b"PK")
        (raw / "test.zip").unlink()
        server.calls.clear()
        run(raw)

        assert bodies(server) == ["test.zip", "train.zip"]

    def test_a_file_no_longer_offered_goes(self, offered: Path, raw: Path) -> None:
        run(raw)
        (offered / "test.zip").unlink()

        assert run(raw) == ["sample_submission.csv", "train.zip"]
        assert visible(raw) == ["manifest.json", "sample_submission.csv", "train.zip"]

    def test_links_of_a_former_source_are_not_written_through(self, tmp_path: Path, raw: Path) -> None:
        mine = tmp_path / "mine"
        mine.mkdir()
        (mine / "train.zip").write_bytes((tmp_path / "offered" / "test.zip").read_bytes())
        before = (mine / "train.zip").read_bytes()
        run(raw, kind="directory", path=str(mine))
        run(raw)

        assert (mine / "train.zip").read_bytes() == before
        assert not (raw / "train.zip").is_symlink()

    def test_a_file_of_the_person_is_not_overwritten(self, server: KaggleServer, raw: Path) -> None:
        raw.mkdir()
        (raw / "train.zip").write_bytes(b"mine")

        assert refusal(raw).startswith("A file in the raw folder is in the way.")
        assert (raw / "train.zip").read_bytes() == b"mine"
        assert bodies(server) == []


class TestCuts:
    def test_a_cut_download_goes_on_where_it_stopped(self, server: KaggleServer, offered: Path, raw: Path) -> None:
        server.cuts = [100_000, 50_000]
        run(raw, files=["train.zip"])

        assert bodies(server) == ["train.zip", "train.zip bytes=100000-", "train.zip bytes=150000-"]
        assert (raw / "train.zip").read_bytes() == (offered / "train.zip").read_bytes()

    def test_many_cuts_are_fine_as_long_as_bytes_come(self, server: KaggleServer, offered: Path, raw: Path) -> None:
        server.cuts = [20_000] * 14
        run(raw, files=["train.zip"])

        assert (raw / "train.zip").read_bytes() == (offered / "train.zip").read_bytes()

    def test_a_line_that_brings_nothing_ends_with_try_again(self, server: KaggleServer, raw: Path) -> None:
        server.cuts = [100_000] + [0] * 50
        with pytest.raises(TryAgain) as caught:
            run(raw, files=["train.zip"])

        assert str(caught.value).startswith("Kaggle cannot be reached.")
        assert visible(raw) == []
        assert (raw / ".parts" / "train.zip").stat().st_size == 100_000

    def test_the_next_run_goes_on_with_what_has_come(self, server: KaggleServer, offered: Path, raw: Path) -> None:
        server.cuts = [100_000] + [0] * 50
        with pytest.raises(TryAgain):
            run(raw, files=["train.zip"])
        server.cuts, server.calls = [], []
        run(raw, files=["train.zip"])

        assert bodies(server) == ["train.zip bytes=100000-"]
        assert (raw / "train.zip").read_bytes() == (offered / "train.zip").read_bytes()
        assert not (raw / ".parts").exists()

    def test_a_part_of_another_version_is_thrown_away(self, server: KaggleServer, offered: Path, raw: Path) -> None:
        server.cuts = [100_000] + [0] * 50
        with pytest.raises(TryAgain):
            run(raw, files=["train.zip"])
        server.cuts, server.calls, server.version = [], [], "2"
        run(raw, files=["train.zip"])

        assert bodies(server) == ["train.zip"]
        assert (raw / "train.zip").read_bytes() == (offered / "train.zip").read_bytes()


class TestChecksums:
    def test_a_wrong_one_is_fetched_once_more(
        self, server: KaggleServer, raw: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        server.wrong_sums = 1
        run(raw, files=["test.zip"])

        assert "fetched again from its start" in capsys.readouterr().err

    def test_wrong_twice_is_refused_and_nothing_is_kept(self, server: KaggleServer, raw: Path) -> None:
        server.wrong_sums = 99
        text = refusal(raw, files=["test.zip"])

        assert text.startswith("What Kaggle sends does not fit its own checksum.")
        assert visible(raw) == []
        assert [path for path in (raw / ".parts").rglob("*") if path.is_file()] == []


class TestRefusals:
    def test_rules_not_accepted(self, server: KaggleServer, raw: Path) -> None:
        text = "You must accept this competition's rules before you'll be able to download files."
        server.script["DownloadDataFile"] = [Answer(403, text)]

        assert refusal(raw) == (
            "You have not accepted the competition's rules.\n"
            f"  where  source.competition: {SLUG}\n"
            f"  found  403: {text}\n"
            f"  do     Open https://www.kaggle.com/competitions/{SLUG}/rules, log in, accept them (in an old "
            "competition by its button Late Submission), and run the same command again."
        )
        assert visible(raw) == []

    @pytest.mark.parametrize(
        ("said", "what", "do"),
        [
            ("You must verify your phone number", "phone number verified first", "/settings/phone"),
            ("Permission 'competitions.participate' was denied", "no new participants", "kind: directory"),
            ("Forbidden", "Kaggle refuses access.", "/rules"),
        ],
    )
    def test_other_reasons_for_403(self, server: KaggleServer, raw: Path, said: str, what: str, do: str) -> None:
        server.script["ListDataFiles"] = [Answer(403, said)]
        text = refusal(raw)

        assert what in text.splitlines()[0]
        assert do in text.splitlines()[-1]

    def test_a_wrong_name_with_near_ones(self, raw: Path) -> None:
        text = refusal(raw, competition="dogs-vs-cats-redux-kernel-edition")

        assert text.startswith("Kaggle has no such competition.")
        assert f"do     Did you mean {SLUG} or dogs-vs-cats" in text

    def test_an_address_in_place_of_the_name(self, server: KaggleServer, raw: Path) -> None:
        text = refusal(raw, competition=f"https://www.kaggle.com/competitions/{SLUG}/data")

        assert f"do     Write `competition: {SLUG}`." in text
        assert server.calls == []

    def test_an_address_is_refused_when_the_workflow_is_read(self) -> None:
        described = yaml.safe_load((ROOT / "config" / "kaggle" / "dogs-vs-cats-redux.yaml").read_text())
        described["competitions"]["dogs-vs-cats-redux"]["source"]["competition"] = f"kaggle.com/c/{SLUG}"

        with pytest.raises(CatscanError, match="by its address"):
            config.load(described, ROOT / "workflow" / "schemas" / "config.schema.yaml")

    def test_no_name(self, raw: Path) -> None:
        assert refusal(raw, competition="").startswith("The competition's name is missing.")

    def test_a_file_that_is_not_offered(self, raw: Path) -> None:
        text = refusal(raw, files=["trian.zip"])

        assert text.startswith("The competition has no file trian.zip.")
        assert 'Did you mean "train.zip"?' in text

    def test_withdrawn_data(self, server: KaggleServer, offered: Path, raw: Path) -> None:
        shutil.rmtree(offered)
        offered.mkdir()
        server.slug = "data-science-bowl-2017"
        text = refusal(raw, competition=server.slug)

        assert "were withdrawn" in text.splitlines()[0]
        assert "Nobody can download them since 2018" in text
        assert "kind: directory" in text

    def test_a_name_that_leaves_the_folder_is_refused(
        self, server: KaggleServer, raw: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(server, "names", lambda: [])
        server.script["ListDataFiles"] = [Answer(200)]
        monkeypatch.setattr("catscan.kaggle.api.Kaggle.files", _evil_files)

        assert "not safe" in refusal(raw)


def _evil_files(*_: Any, **__: Any) -> Any:
    from catscan.kaggle.api import RemoteFile

    return [RemoteFile("../../evil", 1, "")], True


class TestBusyAndBroken:
    def test_429_waits_as_long_as_it_is_told(self, server: KaggleServer, raw: Path) -> None:
        server.script["DownloadDataFile"] = [Answer(429, "Too many requests", {"Retry-After": "7"})]
        run(raw)

        assert server.pauses == [7]

    def test_429_with_a_date_waits_until_then(self, server: KaggleServer, raw: Path) -> None:
        date = formatdate(time.time() + 60, usegmt=True)
        server.script["DownloadDataFile"] = [Answer(429, "Too many requests", {"Retry-After": date})]
        run(raw)

        assert 50 < server.pauses[0] <= 60

    def test_429_for_too_long_ends_with_try_again(self, server: KaggleServer, raw: Path) -> None:
        server.script["DownloadDataFile"] = [Answer(429, "Too many requests", {"Retry-After": "3600"})]
        text = refusal(raw)

        assert text.startswith("Kaggle asks to slow down.")
        assert "Wait 60 minutes" in text
        assert server.pauses == []

    def test_a_server_error_is_tried_again_with_longer_pauses(self, server: KaggleServer, raw: Path) -> None:
        server.script["ListDataFiles"] = [Answer(503, "Service unavailable")] * 3
        run(raw)

        assert server.pauses == [1, 2, 4]

    def test_a_server_that_stays_broken_ends_with_try_again(self, server: KaggleServer, raw: Path) -> None:
        server.script["ListDataFiles"] = [Answer(500, "Internal error")] * 99
        text = refusal(raw)

        assert text.startswith("Kaggle has a problem of its own.")
        assert server.pauses == [1, 2, 4, 8, 16]

    def test_no_network(self, raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # nobody listens there
        text = refusal(raw)

        assert text.startswith("Kaggle cannot be reached.")
        assert "HTTPS_PROXY" in text

    def test_a_log_in_page_in_between_is_told(self, server: KaggleServer, raw: Path) -> None:
        server.script["ListDataFiles"] = [Answer(200, page="<html>Log in to the hotel's network</html>")]

        assert refusal(raw).startswith("An answer came that is not Kaggle's.")

    def test_a_page_in_between_that_leads_in_circles_is_told(self) -> None:
        def call() -> None:
            raise requests.TooManyRedirects("Exceeded 30 redirects.")

        with pytest.raises(CatscanError, match="that is not Kaggle's") as refused:
            retrying(call, competition=SLUG)

        assert "log-in page" in refused.value.do


class TestCredentials:
    def test_none(self, server: KaggleServer, raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("KAGGLE_API_TOKEN")
        text = refusal(raw)

        assert text.startswith("There are no credentials for Kaggle.")
        assert "do     Run `kaggle auth login`" in text
        assert server.calls == []

    def test_a_token_that_is_not_accepted_is_named_by_its_place(
        self, raw: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("KAGGLE_API_TOKEN", "KGAT_expired")
        text = refusal(raw)
        told = capfd.readouterr()

        assert text.startswith("Kaggle does not accept your credentials.\n  where  KAGGLE_API_TOKEN\n")
        assert "KGAT_expired" not in text + told.out + told.err

    def test_a_token_that_names_a_folder_is_refused(
        self, server: KaggleServer, raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KAGGLE_API_TOKEN", str(tmp_path))
        text = refusal(raw)

        assert text.startswith("A folder stands where a token for Kaggle is looked for.\n  where  KAGGLE_API_TOKEN\n")
        assert f"found  the folder {tmp_path}\n" in text
        assert server.calls == []

    def test_a_folder_in_the_place_of_the_token_file_is_refused(
        self, server: KaggleServer, raw: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("KAGGLE_API_TOKEN")
        folder = server.home / ".kaggle" / "access_token"
        folder.mkdir(parents=True)

        assert f"  where  {folder}\n" in refusal(raw)

    def test_401_while_at_work(self, server: KaggleServer, raw: Path) -> None:
        server.script["DownloadDataFile"] = [Answer(401, "Unauthenticated")]

        assert refusal(raw).startswith("Kaggle does not accept your credentials.")

    def test_a_token_in_a_file(self, server: KaggleServer, raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("KAGGLE_API_TOKEN")
        (server.home / ".kaggle").mkdir(exist_ok=True)
        (server.home / ".kaggle" / "access_token").write_text(TOKEN + "\n")

        assert "train.zip" in run(raw)

    def test_a_name_and_key(self, raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("KAGGLE_API_TOKEN")
        monkeypatch.setenv("KAGGLE_USERNAME", USER)
        monkeypatch.setenv("KAGGLE_KEY", TOKEN)

        assert "train.zip" in run(raw)

    def test_a_session_of_kaggle_auth_login(
        self, server: KaggleServer, raw: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("KAGGLE_API_TOKEN")
        session = {"refresh_token": "r", "access_token": TOKEN, "access_token_expiration": "2999-01-01T00:00:00+00:00"}
        (server.home / ".kaggle").mkdir(exist_ok=True)
        (server.home / ".kaggle" / "credentials.json").write_text(json.dumps({**session, "username": USER}))

        assert "train.zip" in run(raw)


class TestDisk:
    def test_too_small_a_disk_is_told_before_the_first_byte(
        self, server: KaggleServer, raw: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1000, 900, 100))
        text = refusal(raw)

        assert text.startswith("The disk is too small for the competition's files.")
        assert "100 bytes are free" in text
        assert bodies(server) == []

    def test_what_has_come_of_a_file_needs_no_room(
        self, server: KaggleServer, offered: Path, raw: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.cuts = [100_000] + [0] * 50
        with pytest.raises(TryAgain):
            run(raw, files=["train.zip"])
        rest = (offered / "train.zip").stat().st_size - 100_000
        server.cuts = []
        monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, rest))

        assert run(raw, files=["train.zip"]) == ["train.zip"]

    def test_the_whole_zip_is_held_against_the_disk_by_its_length(
        self, server: KaggleServer, offered: Path, raw: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(50):
            (offered / f"{number}.jpg").write_bytes(PICTURE)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1000, 900, 100))

        assert refusal(raw).startswith(f"The disk is too small for {SLUG}.zip.")
        assert bodies(server) == []


def stage(raw: Path, server: KaggleServer, **options: Any) -> subprocess.Popen[str]:
    """The stage as the workflow runs it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KAGGLE_")}
    command = [sys.executable, "-m", "catscan", "download", *arguments(raw)]
    return subprocess.Popen(command, env=environment | server.environment, stderr=subprocess.PIPE, text=True, **options)


class TestAsAProcess:
    def test_a_kaggle_json_that_others_can_read_works_and_is_told_once(self, server: KaggleServer, raw: Path) -> None:
        path = server.home / ".kaggle" / "kaggle.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"username": USER, "key": TOKEN}))
        path.chmod(0o644)
        server.token_is_set = False
        _, err = stage(raw, server).communicate(timeout=60)

        assert visible(raw) == ["manifest.json", "sample_submission.csv", "test.zip", "train.zip"]
        assert err.count("readable by other users") == 1
        assert TOKEN not in err

    def test_no_secret_is_told_or_kept(self, server: KaggleServer, raw: Path) -> None:
        server.cuts = [5]
        process = stage(raw, server, stdout=subprocess.PIPE)
        out, err = process.communicate(timeout=60)

        assert process.returncode == 0, err
        assert "trying again" in err
        assert not any(secret in out + err for secret in (TOKEN, SIGNATURE))
        kept = [path for path in raw.rglob("*") if path.is_file() and path.suffix != ".zip"]
        assert not any(secret in path.read_text() for path in kept for secret in (TOKEN, SIGNATURE))

    def test_a_full_disk_stops_at_once_and_keeps_what_has_come(self, server: KaggleServer, raw: Path) -> None:
        def small_files() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

        process = stage(raw, server, preexec_fn=small_files)
        _, err = process.communicate(timeout=60)

        assert process.returncode == 2
        assert "The disk is full." in err
        assert "Traceback" not in err
        assert visible(raw) == ["sample_submission.csv"]
        assert (raw / ".parts" / "test.zip").stat().st_size == 200_000
        assert len([call for call in bodies(server) if call.startswith("test.zip")]) == 1

    @pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
    def test_stopped_halfway_nothing_looks_finished_and_the_next_run_ends_well(
        self, server: KaggleServer, offered: Path, raw: Path, how: signal.Signals
    ) -> None:
        server.stalls = 1
        process = stage(raw, server)
        part = raw / ".parts" / "test.zip"
        until = time.monotonic() + 60
        while not (part.exists() and part.stat().st_size) and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(how)
        _, err = process.communicate(timeout=60)

        assert process.returncode != 0
        assert "Traceback" not in err
        assert visible(raw) == ["sample_submission.csv"]
        assert run(raw) == ["sample_submission.csv", "test.zip", "train.zip"]
        assert (raw / "test.zip").read_bytes() == (offered / "test.zip").read_bytes()
