"""The notebook for Kaggle: written of a trained competition, and run as Kaggle would."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from factories import MODEL, SUBMISSION
from index_stage import SETTINGS as INDEX
from small_competition import write_competition, write_network

from catscan.cli import main
from catscan.common import fingerprint
from catscan.common.contracts.features import FeaturesSource
from catscan.common.contracts.model import Model
from catscan.flow.stage_strings import AT_KAGGLE
from catscan.kinds.registry import KINDS
from catscan.networks.evaluated import read_evaluated
from catscan.networks.pretrained.registry import PRETRAINED
from catscan.stages.notebook import Settings, described, notebook, packages
from catscan.stages.notebook.at_kaggle import commands

STRINGS = {
    "index": json.dumps(INDEX | {"code": "0123", "versions": {}}),
    "layout": json.dumps({}),
    "submission": json.dumps(SUBMISSION),
}
SETTINGS: dict[str, Any] = {"competition": "cats", "title": "Cats"} | STRINGS
LITE0 = "efficientnet-lite0"
WITHOUT_NETWORK = ["unshare", "--map-root-user", "--net"]


@pytest.fixture
def competition(made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """A binary competition, of which one model looks through a pretrained network; to be read only."""

    def make(folder: Path) -> None:
        write_competition(folder, "binary")
        source = FeaturesSource(LITE0, PRETRAINED[LITE0].sha256, "fp32")
        learnt = replace(MODEL, network="linear", sample_shape=(1, 1280), features=(source,))
        write_network(folder / "models" / "other" / "fold-0", learnt, 5)
        (folder / "index.csv").write_text(
            "sample_id,split,label,group,fold,shard,archive,path\nt1,train,cat,t1,0,1,,train/cat.t1.jpg\n"
        )

    return made_once("notebook", make)


@pytest.fixture
def no_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a gigabyte that only the run in a clean place needs."""
    monkeypatch.setattr("catscan.stages.notebook.write_packages", lambda *_: None)


def write(folder: Path, out: Path, **more: Any) -> int:
    settings = json.dumps(SETTINGS | more)
    return main(["notebook", "--settings", settings, "--models", str(folder / "models"), "--out", str(out)])


def source_of(path: Path) -> list[str]:
    """The text of each cell of code."""
    cells = json.loads(path.read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.usefixtures("no_packages")
class TestWriting:
    def test_models_are_packed_with_all_that_the_submission_reads(self, competition: Path, tmp_path: Path) -> None:
        assert write(competition, tmp_path) == 0

        with zipfile.ZipFile(tmp_path / "catscan-models.zip") as archive:
            assert sorted(archive.namelist()) == sorted(
                f"catscan-models/{name}"
                for name in (
                    "index.csv",
                    "index.json",
                    "evaluation/metrics.json",
                    "evaluation/out-of-fold.csv",
                    *(
                        f"models/{model}/{name}"
                        for model in ("main/fold-0", "main/fold-2", "other/fold-0")
                        for name in ("weights.npz", "model.json")
                    ),
                )
            )

    def test_a_second_writing_gives_the_same_bytes(self, competition: Path, tmp_path: Path) -> None:
        for name in ("a", "b"):
            write(competition, tmp_path / name)

        for name in ("catscan.ipynb", "catscan-models.zip"):
            assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()

    def test_a_competition_without_a_name_at_kaggle_is_refused(
        self, competition: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert write(competition, tmp_path, competition="") == 2
        told = capsys.readouterr().err
        assert "The config does not say what the competition is called at Kaggle." in told
        assert "source.competition" in told

    def test_another_machine_than_kaggles_is_refused(
        self,
        competition: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("platform.machine", lambda: "arm64")

        assert write(competition, tmp_path) == 2
        told = capsys.readouterr().err
        assert "do not run at Kaggle" in told
        assert "found  Linux on arm64; Kaggle's is Linux on x86_64" in told

    @pytest.mark.parametrize("name", ["/elsewhere/net.py", "../net.py"])
    def test_a_network_outside_of_the_working_directory_is_refused(
        self, competition: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
    ) -> None:
        copy = Path(shutil.copytree(competition, tmp_path / "copy"))
        model = copy / "models" / "other" / "fold-0" / "model.json"
        replace(Model.read(model), network=name).write(model)

        assert write(copy, tmp_path / "out") == 2
        told = capsys.readouterr().err
        assert "A file that a model needs lies outside of the working directory." in told
        assert f"where  {name}\n" in told


class TestCommands:
    def run(self, competition: Path, **more: Any) -> dict[str, Any]:
        return described(Settings(**(SETTINGS | more)), read_evaluated(competition / "models"))

    def test_stages_come_in_the_order_of_the_flow(self, competition: Path) -> None:
        stages = [words[0] for words in commands(self.run(competition), Path("raw"), Path("models"))]

        assert stages == ["index", "preprocess", "features", "predict", "predict", "predict", "submission"]

    def test_features_are_computed_as_those_that_were_learnt_from(self, competition: Path, tmp_path: Path) -> None:
        copy = Path(shutil.copytree(competition, tmp_path / "copy"))
        shutil.rmtree(copy / "models" / "main" / "fold-2")
        for path in sorted(copy.glob("models/*/fold-0/model.json")):
            source = FeaturesSource("mine", "ab", "bf16", "ResNet50", "weights/mine.h5", 224)
            replace(Model.read(path), features=(source,), sample_shape=(1, 1280)).write(path)
        metrics = copy / "evaluation" / "metrics.json"
        metrics.write_text(metrics.read_text().replace('"fold": 2', '"fold": 0'))
        words = list(commands(self.run(copy), Path("raw"), Path("models")))

        assert [one[0] for one in words[:3]] == ["index", "features", "predict"]
        settings = json.loads(words[1][2])
        assert {key: settings[key] for key in ("network", "architecture", "precision")} == {
            "network": "mine",
            "architecture": "ResNet50",
            "precision": "bf16",
        }
        assert settings["reader"]["size"] == [224, 224]
        assert words[1][words[1].index("--weights") + 1] == "weights/mine.h5"
        assert words[2][words[2].index("--arrays") + 1] == words[1][-1]

    def test_the_stages_understand_them(self, competition: Path) -> None:
        from catscan.cli import parser_of

        for words in commands(self.run(competition), Path("raw"), Path("models")):
            parser_of(words[0]).parse_args(words)


def test_the_packages_are_all_that_the_stages_import() -> None:
    of_kinds = [name for kind in KINDS.values() for name in (*kind.code_of_finding, *kind.code_of_reading)]
    modules = fingerprint.closure("stages.notebook", (), (*AT_KAGGLE, *of_kinds))
    imported = {name for module in modules for name in fingerprint._imported(module)[1]}
    there = packages.needed([*packages.ROOTS, packages._tensorflow()])
    brought = {file.parts[0] for one in there.values() for file in one.files or ()}

    assert {
        name for name in imported - sys.stdlib_module_names if name not in brought and f"{name}.py" not in brought
    } == set()


def test_another_python_at_kaggle_is_told(competition: Path, tmp_path: Path) -> None:
    run = described(Settings(**SETTINGS), read_evaluated(competition / "models")) | {"python": "3.9"}
    path = tmp_path / "a.ipynb"
    path.write_text(notebook(Settings(**SETTINGS), run))
    namespace: dict[str, Any] = {"__name__": "__main__"}
    *cells, last = source_of(path)
    for cell in cells:
        exec(cell, namespace)

    with pytest.raises(RuntimeError, match=r"those of Python 3\.9, and this is Python 3\.1"):
        exec(last, namespace)


@pytest.mark.slow
def test_at_kaggle_hidden_samples_are_told_what_the_networks_say(
    competition: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clean place: another working directory, none of this environment's packages, no network."""
    monkeypatch.setattr(packages, "QUICK", 0)  # to compress takes a minute
    assert write(competition, tmp_path / "made") == 0
    kaggle = tmp_path / "kaggle"
    (kaggle / "working").mkdir(parents=True)
    data = kaggle / "input" / "cats"
    (data / "test").mkdir(parents=True)
    pictures = np.random.default_rng(3).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)
    for number, picture in enumerate(pictures):
        cv2.imwrite(str(data / "test" / f"{number}.jpg"), picture)
    (data / "test" / "3.jpg").write_bytes(b"no picture")
    (data / "sample_submission.csv").write_text("id,label\n" + "".join(f"{number},0.5\n" for number in (3, 1, 0, 2)))
    attached = kaggle / "input" / "mine"
    attached.mkdir()
    (tmp_path / "made" / "catscan-models.zip").rename(attached / "catscan-models.zip")
    with zipfile.ZipFile(tmp_path / "made" / "catscan-packages.zip") as archive:  # as Kaggle unpacks most zips
        archive.extractall(attached / "packages")
    (tmp_path / "made" / "catscan-packages.zip").unlink()
    script = tmp_path / "notebook.py"
    cells = [cell.replace('"/kaggle/', f'"{kaggle}/') for cell in source_of(tmp_path / "made" / "catscan.ipynb")]
    script.write_text(f"names = {{}}\nfor cell in {cells!r}:\n    exec(cell, names)\n")
    alone = subprocess.run([*WITHOUT_NETWORK, "true"], check=False, capture_output=True).returncode == 0
    done = subprocess.run(
        [*(WITHOUT_NETWORK if alone else []), sys.executable, "-I", "-S", str(script)],
        cwd=kaggle / "working",
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        text=True,
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    told = pd.read_csv(kaggle / "working" / "submission.csv")
    assert list(told["id"]) == [3, 1, 0, 2]
    assert told["label"][0] == pytest.approx(0.7)  # the prior, for what cannot be read
    names = [str(data / "test" / f"{number}.jpg") for number in (1, 0, 2)]
    assert main(["predict", "--model", str(competition / "models"), "--out", str(tmp_path / "a.csv"), *names]) == 0
    np.testing.assert_allclose(told["label"][1:], pd.read_csv(tmp_path / "a.csv")["dog"], atol=1e-6)
    shutil.rmtree(kaggle)
