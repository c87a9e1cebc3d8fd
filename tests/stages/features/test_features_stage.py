"""The features stage: what a pretrained network says of each sample of a shard, in parts that a stopped job keeps."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from array_files import npy
from pretrained_pictures import drawn

from catscan.common.arrays import FeatureShards, read_shard
from catscan.common.contracts.features import FeaturesSidecar, FeaturesSource
from catscan.common.contracts.sidecar import Bad, Odd, ReadAs
from catscan.common.errors import CatscanError
from catscan.networks.pretrained import extractor
from catscan.networks.pretrained.registry import PRETRAINED
from catscan.networks.session import Compute
from catscan.stages import features
from catscan.stages.features.parts import Parts

LITE0 = "efficientnet-lite0"
WEIGHTS = PRETRAINED[LITE0].sha256
MadeOnce = Callable[[str, Callable[[Path], object]], Path]
READER = {"size": [224, 224], "channels": "rgb", "fit": "stretch", "resize": "area"}
A_PART = 2  # samples


class StaysOpen(extractor.Extractor):
    """The network as it is, open for the next test too: opening it takes longer than looking at seven pictures."""

    def close(self) -> None:
        pass


opened_once = cache(StaysOpen)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pictures are a batch, a part, and all that the network looks at at once."""
    monkeypatch.setattr(features, "SLICES_A_BATCH", A_PART)
    monkeypatch.setattr(features, "BATCHES_A_PART", 1)
    monkeypatch.setattr(extractor, "BATCH", 2)
    monkeypatch.setattr(extractor, "Extractor", opened_once)


def png(number: int) -> bytes:
    picture = np.roll(drawn(40), number * 5, axis=1)
    return cv2.imencode(".png", picture[..., ::-1])[1].tobytes()


SEVEN = {f"c.{number}.png": png(number) for number in range(7)}


class Competition:
    """A raw folder of files, and an index over it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.raw = folder / "raw"
        self.raw.mkdir()

    def write(self, files: dict[str, bytes], shards: int = 1) -> None:
        for name, data in files.items():
            (self.raw / name).write_bytes(data)
        self.index(list(files), shards)

    def index(self, names: Sequence[str], shards: int) -> None:
        rows = [
            {"sample_id": name[:-4], "split": "train", "shard": str(1 + place * shards // len(names))}
            | {"archive": "", "path": name}
            for place, name in enumerate(names)
        ]
        pd.DataFrame(rows).to_csv(self.folder / "index.csv", index=False)

    def run(self, *, shard: int = 1, split: str = "train", name: str = "a", **settings: Any) -> Path:
        values = {"network": LITE0, "weights": WEIGHTS, "kind": "picture", "reader": READER}
        values |= {"on_bad": "fail", "tolerated_share": 0.0, "threads": 2, "precision": "fp32"} | settings
        tolerated = {key: values.pop(key) for key in ("on_bad", "tolerated_share")}
        array = self.folder / "features" / f"{name}.npy"
        parser = argparse.ArgumentParser()
        features.register(parser)
        flags = {
            "settings": json.dumps(values),
            "bad-samples": json.dumps(tolerated),
            "raw": self.raw,
            "index": self.folder / "index.csv",
            "split": split,
            "shard": shard,
            "array": array,
            "device": "cpu",
        }
        features.run(parser.parse_args([word for key, value in flags.items() for word in (f"--{key}", str(value))]))
        return array

    def parts(self, name: str = "a") -> list[str]:
        folder = self.folder / "features" / f".{name}.parts"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


@pytest.fixture
def competition(tmp_path: Path) -> Competition:
    return Competition(tmp_path)


@pytest.fixture
def seven(competition: Competition) -> Competition:
    """Seven good pictures, c.0 to c.6."""
    competition.write(SEVEN)
    return competition


@pytest.fixture
def two_bad(competition: Competition) -> Competition:
    """Five pictures, of which c.1 is text and c.3 is cut."""
    files = {f"c.{number}.png": png(number) for number in range(5)}
    competition.write(files | {"c.1.png": b"camera shy", "c.3.png": files["c.3.png"][:200]})
    return competition


def opened(path: Path) -> Any:
    return read_shard(path, FeaturesSidecar, np.float32)


def stop_after(parts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """End the process, as far as the stage can tell, when so many parts are saved."""
    save = Parts.save

    def saved(self: Parts, part: Any) -> None:
        save(self, part)
        if len(self) == parts:
            raise KeyboardInterrupt

    monkeypatch.setattr(Parts, "save", saved)


def stop(competition: Competition, *, after: int) -> None:
    """Run it until so many parts are saved."""
    with pytest.MonkeyPatch.context() as patch:
        stop_after(after, patch)
        with pytest.raises(KeyboardInterrupt):
            competition.run()


@pytest.fixture
def seven_looked_at(made_once: MadeOnce) -> Path:
    """The folder of the seven pictures with their features, `whole`, and what a job leaves that saw four; read only."""

    def make(folder: Path) -> None:
        competition = Competition(folder)
        competition.write(SEVEN)
        competition.run(name="whole")
        stop(competition, after=2)

    return made_once("seven pictures looked at", make)


@pytest.fixture
def whole(seven_looked_at: Path) -> Path:
    """The features of the seven pictures, made in one go."""
    return seven_looked_at / "features" / "whole.npy"


@pytest.fixture
def stopped(seven_looked_at: Path, seven: Competition) -> Competition:
    """The seven pictures, of which a stopped job has looked at four."""
    shutil.copytree(seven_looked_at / "features" / ".a.parts", seven.folder / "features" / ".a.parts")
    assert seven.parts() == ["identity.json", "part-000000.npz", "part-000001.npz"]
    return seven


class TestArrays:
    def test_a_shard_holds_the_features_of_its_samples_and_where_they_come_from(self, whole: Path) -> None:
        shard = opened(whole)
        looking = extractor.Extractor(LITE0, Compute(2))
        picture = cv2.imdecode(np.frombuffer(png(6), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        (wanted,) = looking(cv2.resize(picture, (224, 224), interpolation=cv2.INTER_LINEAR)[None])
        looking.close()

        assert (shard.array.shape, shard.array.dtype) == ((7, 1, 1280), np.float32)
        assert shard.sidecar == FeaturesSidecar(
            ids=tuple(f"c.{number}" for number in range(7)),
            settings=ReadAs("picture", READER),
            source=FeaturesSource(LITE0, WEIGHTS, "fp32"),
        )
        assert np.abs(shard.array[6, 0] - wanted).max() < 0.5  # enlarged by another rule
        assert np.corrcoef(shard.array[6, 0], wanted)[0, 1] > 0.98
        assert not np.allclose(shard.array[0], shard.array[3], atol=0.1)

    def test_the_bytes_do_not_depend_on_the_number_of_shards(self, seven: Competition, whole: Path) -> None:
        seven.index(list(SEVEN), shards=3)
        three = FeatureShards([seven.run(name=f"three-{shard}", shard=shard) for shard in (1, 2, 3)])

        assert three.sample_ids == list(opened(whole).sidecar.ids)
        assert three.take(np.arange(7)).tobytes() == np.load(whole).tobytes()

    @pytest.mark.parametrize(("split", "shard"), [("test", 1), ("train", 9)])
    def test_a_shard_without_samples_is_an_empty_array(self, seven: Competition, split: str, shard: int) -> None:
        empty = opened(seven.run(split=split, shard=shard))

        assert empty.array.shape == (0, 1, 1280)
        assert empty.sidecar.ids == ()
        assert seven.parts() == []

    def test_a_scan_has_features_of_each_slice(self, competition: Competition) -> None:
        draw = np.random.default_rng(0)
        scans = [draw.integers(0, 256, (3, 8, 8), dtype=np.uint8) for _ in range(3)]
        competition.write({f"s.{number}.npy": npy(scan) for number, scan in enumerate(scans)})
        reader = {"size": [3, 224, 224], "channels": 1}
        shard = opened(competition.run(kind="arrays", reader=reader))
        competition.index(["s.9.npy"], shards=1)
        none = opened(competition.run(kind="arrays", reader=reader, split="test", name="none"))

        assert shard.array.shape == (3, 3, 1280)
        assert len(np.unique(shard.array.reshape(9, -1), axis=0)) == 9
        assert none.array.shape == (0, 3, 1280)


class TestBadSamples:
    def test_they_stand_in_the_sidecar_and_have_no_row(self, two_bad: Competition) -> None:
        shard = opened(two_bad.run(on_bad="skip"))
        two_bad.index(["c.0.png", "c.2.png", "c.4.png"], shards=1)
        good = opened(two_bad.run(name="good"))

        assert shard.sidecar.ids == good.sidecar.ids == ("c.0", "c.2", "c.4")
        assert [bad.sample_id for bad in shard.sidecar.bad] == ["c.1", "c.3"]
        assert all(isinstance(bad, Bad) and bad.reason for bad in shard.sidecar.bad)
        assert shard.array.tobytes() == good.array.tobytes()

    def test_more_of_them_than_tolerated_are_refused_and_nothing_is_written(self, two_bad: Competition) -> None:
        with pytest.raises(CatscanError, match=r"2 of 5 samples cannot be read, more than the 20 %") as refusal:
            two_bad.run(tolerated_share=0.2)

        assert refusal.value.where == f"train shard 1 of {two_bad.folder / 'index.csv'}"
        assert [line.split(":")[0] for line in refusal.value.found.splitlines()] == ["c.1", "c.3"]
        assert not list((two_bad.folder / "features").glob("a.*"))

    def test_as_many_as_tolerated_are_left_out(self, two_bad: Competition) -> None:
        assert opened(two_bad.run(tolerated_share=0.4)).array.shape == (3, 1, 1280)

    def test_a_shard_of_bad_samples_alone_is_an_empty_array(self, competition: Competition) -> None:
        competition.write({f"c.{number}.png": b"camera shy" for number in range(3)})

        assert opened(competition.run(on_bad="skip")).array.shape == (0, 1, 1280)

    def test_an_odd_sample_is_told_though_a_stopped_job_saw_it(self, seven: Competition) -> None:
        (seven.raw / "c.0.jpg").write_bytes(png(0))
        seven.index(["c.0.jpg", *[f"c.{number}.png" for number in range(1, 4)]], shards=1)
        stop(seven, after=1)

        (odd,) = opened(seven.run()).sidecar.odd
        assert odd == Odd("c.0", odd.remarks)
        assert odd.remarks


class TestStopped:
    def test_it_goes_on_after_its_parts_to_the_same_bytes(
        self, stopped: Competition, whole: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for number in range(4):  # what is done is not read again
            (stopped.raw / f"c.{number}.png").unlink()
        array = stopped.run()

        assert "going on after 4 of 7 samples\n" in capsys.readouterr().err
        assert array.read_bytes() == whole.read_bytes()
        assert array.with_suffix(".json").read_bytes() == whole.with_suffix(".json").read_bytes()
        assert stopped.parts() == []

    @pytest.mark.parametrize(
        "other",
        [{"reader": {**READER, "channels": "gray"}}, {"weights": "00" * 32}],
        ids=["reader", "weights"],
    )
    def test_parts_of_other_settings_are_thrown_away(
        self, stopped: Competition, whole: Path, other: dict[str, Any], capsys: pytest.CaptureFixture[str]
    ) -> None:
        found, of_old = np.load(stopped.run(**other)), np.load(whole)

        assert "going on" not in capsys.readouterr().err
        assert (found == of_old).all(axis=(1, 2)).tolist() == ["weights" in other] * 7

    def test_parts_of_other_samples_are_thrown_away(
        self, stopped: Competition, whole: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stopped.index(list(reversed(SEVEN)), shards=1)
        shard = opened(stopped.run())

        assert "going on" not in capsys.readouterr().err
        assert shard.sidecar.ids[0] == "c.6"
        assert shard.array.tobytes() == np.load(whole)[::-1].tobytes()

    @pytest.mark.parametrize(
        ("damaged", "left"),
        [("part-000000.npz", None), ("part-000001.npz", "2 of 7")],
        ids=["first", "second"],
    )
    def test_a_damaged_part_and_those_after_it_are_done_again(
        self,
        stopped: Competition,
        whole: Path,
        damaged: str,
        left: str | None,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        path = stopped.folder / "features" / ".a.parts" / damaged
        path.write_bytes(path.read_bytes()[:1000])
        array = stopped.run()

        assert (f"going on after {left} samples" in capsys.readouterr().err) == (left is not None)
        assert array.read_bytes() == whole.read_bytes()


def test_weights_that_are_not_there_are_refused_before_a_sample_is_read(
    seven: Competition, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened_once.cache_clear()
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    (tmp_path / "index.csv").write_text("sample_id,split,shard,archive,path\n1,train,1,,gone.png\n")

    with pytest.raises(CatscanError, match="The weights of a pretrained network are not installed"):
        seven.run()
