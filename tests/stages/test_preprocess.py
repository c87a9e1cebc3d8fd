"""The preprocess stage: one shard of the index becomes one array and its sidecar."""

from __future__ import annotations

import argparse
import io
import json
import resource
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from catscan.common.arrays import Shards, read_shard
from catscan.common.contracts.sidecar import Bad, Odd, ReadAs, Sidecar
from catscan.common.errors import BadSample, CatscanError
from catscan.kinds.samples import Reading, Sample
from catscan.stages import preprocess

SCRIPT = """
import argparse
from catscan.stages import preprocess

parser = argparse.ArgumentParser()
preprocess.register(parser)
preprocess.run(parser.parse_args())
"""
READER = {"size": [8, 8], "channels": "rgb", "fit": "stretch", "resize": "area"}


def jpeg(seed: int, side: int = 40) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    Image.fromarray(cv2.resize(pixels, (side + seed, side))).save(file, "JPEG")
    return file.getvalue()


class Competition:
    """A raw folder with one zip, and indexes over it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.raw = folder / "raw"
        self.raw.mkdir()

    def write(self, members: dict[str, bytes], shards: int = 1) -> None:
        with zipfile.ZipFile(self.raw / "train.zip", "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        self.index(list(members), shards)

    def index(self, names: list[str], shards: int) -> None:
        rows = [
            {"sample_id": name[:-4], "split": "train", "label": "cat", "group": "", "fold": "0"}
            | {"shard": str(1 + place * shards // len(names)), "archive": "train.zip", "path": name}
            for place, name in enumerate(names)
        ]
        pd.DataFrame(rows).to_csv(self.folder / "index.csv", index=False)

    def run(self, *, shard: int = 1, split: str = "train", name: str = "a", threads: int = 1, **settings: Any) -> Path:
        values = {"kind": "picture", "reader": READER, "on_bad": "fail", "tolerated_share": 0.0} | settings
        tolerated = {key: values.pop(key) for key in ("on_bad", "tolerated_share")}
        array = self.folder / "arrays" / f"{name}.npy"
        parser = argparse.ArgumentParser()
        preprocess.register(parser)
        flags = {
            "settings": json.dumps(values),
            "raw": self.raw,
            "index": self.folder / "index.csv",
            "split": split,
            "shard": shard,
            "bad-samples": json.dumps(tolerated),
            "array": array,
            "threads": threads,
        }
        preprocess.run(parser.parse_args([part for key, value in flags.items() for part in (f"--{key}", str(value))]))
        return array


@pytest.fixture
def competition(tmp_path) -> Competition:
    return Competition(tmp_path)


@pytest.fixture
def good(competition) -> Competition:
    """37 good pictures in 3 shards."""
    competition.write({f"cat.{number}.jpg": jpeg(number) for number in range(37)}, shards=3)
    return competition


@pytest.fixture
def two_bad(competition) -> Competition:
    """40 pictures in one shard, of which cat.3 is cut and cat.20 is text."""
    members = {f"cat.{number}.jpg": jpeg(number) for number in range(40)}
    members["cat.3.jpg"] = members["cat.3.jpg"][:-40]
    members["cat.20.jpg"] = b"camera shy"
    competition.write(members)
    return competition


class TestArrays:
    def test_a_shard_holds_its_samples_in_index_order(self, good):
        shard = read_shard(good.run(shard=2))

        assert list(shard.sidecar.ids) == [f"cat.{number}" for number in range(13, 25)]
        assert shard.array.shape == (12, 8, 8, 3)
        assert shard.array.dtype == np.uint8
        assert shard.array.flags.c_contiguous
        np.testing.assert_array_equal(shard.array[0], cv2_area(jpeg(13)))

    def test_the_sidecar_tells_what_was_done(self, good):
        shard = read_shard(good.run(shard=3))

        assert shard.sidecar == Sidecar(
            ids=tuple(f"cat.{number}" for number in range(25, 37)), settings=ReadAs("picture", READER)
        )

    @pytest.mark.parametrize("threads", [2, 5, 64])
    def test_the_bytes_do_not_depend_on_the_number_of_threads(self, two_bad, threads):
        one = two_bad.run(name="one", on_bad="skip")
        many = two_bad.run(name="many", on_bad="skip", threads=threads)

        assert many.read_bytes() == one.read_bytes()
        assert many.with_suffix(".json").read_bytes() == one.with_suffix(".json").read_bytes()

    def test_the_rows_do_not_depend_on_the_number_of_shards(self, good):
        three = Shards([good.run(shard=shard, name=f"three-{shard}") for shard in (1, 2, 3)])
        good.index([f"cat.{number}.jpg" for number in range(37)], shards=1)
        one = Shards([good.run(name="one")])

        assert three.sample_ids == one.sample_ids
        np.testing.assert_array_equal(three.take(np.arange(37)), one.take(np.arange(37)))

    @pytest.mark.parametrize(("split", "shard"), [("test", 1), ("train", 9)])
    def test_a_shard_without_samples_is_an_empty_array(self, good, split, shard):
        empty = read_shard(good.run(split=split, shard=shard))

        assert empty.array.shape == (0, 8, 8, 3)
        assert list(empty.sidecar.ids) == []

    def test_ids_keep_their_leading_zeros(self, competition):
        competition.write({"007.jpg": jpeg(1), "010.jpg": jpeg(2)})

        assert list(read_shard(competition.run()).sidecar.ids) == ["007", "010"]


def cv2_area(data: bytes) -> np.ndarray:
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return cv2.resize(decoded, (8, 8), interpolation=cv2.INTER_AREA)[..., ::-1]


class TestBadSamples:
    def test_they_have_no_row_but_a_reason(self, two_bad):
        shard = read_shard(two_bad.run(on_bad="skip"))

        assert len(shard.array) == 38
        assert shard.sidecar.bad == (
            Bad("cat.3", "is a damaged JPEG: Premature end of JPEG file"),
            Bad("cat.20", "is text, not a picture, beginning b'camera shy'"),
        )
        np.testing.assert_array_equal(shard.array[3], cv2_area(jpeg(4)))

    def test_they_are_the_last_lines_of_the_log(self, two_bad, capsys):
        two_bad.run(on_bad="skip")

        assert capsys.readouterr().err.splitlines()[-3:] == [
            "38 of 40 samples read, 0 of them odd",
            "bad sample cat.3: is a damaged JPEG: Premature end of JPEG file",
            "bad sample cat.20: is text, not a picture, beginning b'camera shy'",
        ]

    def test_more_than_tolerated_fail_with_the_first_of_them_and_the_way_out(self, two_bad):
        with pytest.raises(CatscanError) as error:
            two_bad.run(tolerated_share=0.049)

        assert str(error.value).replace(str(two_bad.folder), "...").splitlines() == [
            "2 of 40 samples cannot be read, more than the 4.9 % that `on_bad: fail` tolerates.",
            "  where  train shard 1 of .../index.csv",
            "  found  cat.3: is a damaged JPEG: Premature end of JPEG file",
            "         cat.20: is text, not a picture, beginning b'camera shy'",
            "  do     Fetch these files again, raise `preprocess.tolerated_share`, or set `preprocess.on_bad: skip` to "
            "go on without them.",
        ]

    def test_a_failing_shard_leaves_no_file(self, two_bad):
        with pytest.raises(CatscanError):
            two_bad.run()

        assert list((two_bad.folder / "arrays").iterdir()) == []

    def test_as_many_as_tolerated_pass(self, two_bad):
        assert len(read_shard(two_bad.run(tolerated_share=0.05)).array) == 38

    def test_one_is_too_many_when_none_is_tolerated(self, competition):
        competition.write({f"{number}.jpg": jpeg(number) for number in range(20)} | {"x.jpg": b""})

        with pytest.raises(CatscanError, match="1 of 21 samples cannot be read, more than the 0 % that"):
            competition.run()

    def test_of_many_bad_samples_five_are_named(self, competition):
        competition.write({f"{number}.jpg": b"" for number in range(9)})

        with pytest.raises(CatscanError) as error:
            competition.run(tolerated_share=0.5)

        assert error.value.found.splitlines()[-2:] == ["4: is empty (0 bytes)", "and 4 more"]

    def test_skip_goes_on_when_all_are_bad(self, competition, capsys):
        competition.write({f"{number}.jpg": b"" for number in range(30)})

        shard = read_shard(competition.run(on_bad="skip"))

        assert shard.array.shape == (0, 8, 8, 3)
        assert len(shard.sidecar.bad) == 30
        assert capsys.readouterr().err.splitlines()[-1] == "and 10 more bad samples in a.json"

    def test_odd_ones_are_read_and_listed(self, competition):
        file = io.BytesIO()
        Image.new("RGB", (9, 9)).save(file, "PNG")
        competition.write({"1.jpg": file.getvalue(), "2.jpg": jpeg(2)})

        shard = read_shard(competition.run())

        assert list(shard.sidecar.ids) == ["1", "2"]
        assert shard.sidecar.odd == (Odd("1", ("is a PNG named .jpg",)),)


class TestFaults:
    def test_an_unknown_on_bad_is_refused(self, good):
        with pytest.raises(CatscanError, match="Unknown `on_bad`") as error:
            good.run(on_bad="skipp")

        assert error.value.do == 'Did you mean "skip"?'

    def test_an_absent_index_is_named(self, good):
        (good.folder / "index.csv").unlink()

        with pytest.raises(CatscanError, match=r"The index is missing.\n  where  .*index.csv"):
            good.run()

    def test_an_index_without_a_column_is_named(self, good):
        (good.folder / "index.csv").write_text("sample_id,split,archive,path\n")

        with pytest.raises(CatscanError, match="A table lacks the column 'shard'"):
            good.run()

    @pytest.mark.parametrize(
        ("damage", "what"),
        [
            (lambda data: data[:-3], "The index is cut off."),
            (lambda data: data[:-30] + b"\n", "A table has a row with fewer cells"),
            (lambda _: b"", "The index is cut off."),
            (lambda data: bytes(range(128, 256)) + data, "A table cannot be read as CSV."),
        ],
        ids=["cut within a cell", "cut within a row", "empty", "garbage"],
    )
    def test_a_damaged_index_is_refused(self, good, damage, what):
        index = good.folder / "index.csv"
        index.write_bytes(damage(index.read_bytes()))

        with pytest.raises(CatscanError, match=what):
            good.run()

    def test_the_stage_starts_without_pandas(self):
        """Its import takes as long as reading 1,000 pictures."""
        script = "import sys, catscan.stages.preprocess, catscan.kinds.pictures.reader; print('pandas' in sys.modules)"

        told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

        assert told.stdout == "False\n"

    def test_our_own_mistake_names_the_sample(self):
        def broken(_: Sample) -> Reading:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError) as error:
            preprocess.read_one(broken, Sample("cat.1", "a.zip", "b.jpg"), np.empty((1, 1, 1), np.uint8))

        assert error.value.__notes__ == ["while reading the sample 'cat.1' (a.zip b.jpg)"]

    def test_a_bad_sample_is_an_outcome(self):
        def bad(_: Sample) -> Reading:
            raise BadSample("is bad")

        found = preprocess.read_one(bad, Sample("1", "", "x"), np.empty((1, 1, 1), np.uint8))

        assert found == preprocess.Outcome("1", reason="is bad")

    def test_a_full_disk_is_told_before_the_first_sample_and_leaves_no_file(self, good):
        """A limit on the size of files stands in for the full disk."""
        old = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, old[1]))
        try:
            with pytest.raises(CatscanError, match=r"A file cannot be written.\n  where  .*a.npy"):
                good.run()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, old)
            signal.signal(signal.SIGXFSZ, handler)

        assert list((good.folder / "arrays").iterdir()) == []

    def test_what_a_killed_run_left_is_removed_but_not_what_other_shards_write(self, good):
        arrays = good.folder / "arrays"
        arrays.mkdir()
        left = [".a.npy.k1lled.partial", ".a.json.k1lled.partial", "..a.npy.k1lled.partial.x.partial"]
        others = [".aa.npy.x.partial", ".a-2.npy.x.partial"]
        for name in left + others:
            (arrays / name).touch()

        good.run()

        assert sorted(path.name for path in arrays.iterdir()) == sorted([*others, "a.npy", "a.json"])

    def test_decoders_write_nothing_into_the_log(self, competition):
        """In a process of its own: libtiff writes to file descriptor 2, Pillow warns."""
        file = io.BytesIO()
        Image.new("RGB", (99, 99)).save(file, "TIFF", compression="tiff_lzw")
        cut = bytearray(file.getvalue())
        cut[20:60] = bytes(40)
        members = {"1.tif": bytes(cut), "2.tif": file.getvalue()[:-2], "3.jpg": jpeg(3)[:-40], "4.jpg": jpeg(4)}
        competition.write(members)
        settings = {"kind": "picture", "reader": READER}
        folder = competition.folder
        flags = ["--settings", json.dumps(settings), "--raw", competition.raw, "--index", folder / "index.csv"]
        flags += ["--bad-samples", '{"on_bad": "skip"}', "--split", "train"]
        flags += ["--shard", "1", "--array", folder / "a.npy"]

        told = subprocess.run([sys.executable, "-c", SCRIPT, *flags], capture_output=True, text=True, check=True)

        assert len(read_shard(folder / "a.npy").sidecar.bad) == 3
        expected = ("1 of 4 samples read", "bad sample ")
        assert [line for line in told.stderr.splitlines() if not line.startswith(expected)] == []


@pytest.mark.parametrize("threads", [1, 3])
def test_the_real_test_pictures_are_all_good_and_come_out_the_same(shared_data, tmp_path, threads):
    check_real(shared_data, tmp_path, "test", 1000, threads)


@pytest.mark.slow
def test_the_real_training_pictures_are_all_good_and_come_out_the_same(shared_data, tmp_path):
    check_real(shared_data, tmp_path, "train", 8000, 2)


def check_real(shared_data: Path, folder: Path, split: str, count: int, threads: int) -> None:
    """Run a real zip twice: no sample is bad or odd, and the bytes are the same."""
    competition = Competition(folder)
    (competition.raw / "train.zip").symlink_to(shared_data / "dogs-vs-cats" / f"{split}.zip")
    with zipfile.ZipFile(competition.raw / "train.zip") as archive:
        competition.index([name for name in archive.namelist() if name.endswith(".jpg")], shards=1)
    reader = READER | {"size": [64, 64]}

    first = competition.run(name="first", reader=reader)
    second = competition.run(name="second", reader=reader, threads=threads)

    shard = read_shard(first)
    assert shard.array.shape == (count, 64, 64, 3)
    assert shard.sidecar.bad == shard.sidecar.odd == ()
    assert first.read_bytes() == second.read_bytes()
