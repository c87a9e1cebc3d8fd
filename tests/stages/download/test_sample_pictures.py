"""Generated pictures: Kaggle's layout, the oddities of real sets, and nothing but shape to tell the classes apart."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from catscan.common.errors import CatscanError
from catscan.stages.download.sample import generate
from catscan.stages.download.sample.draws import drawn_labels, generator, labels, shared_quantiles

TRAIN, TEST = 200, 40
OF_A_RUN = 1500, 300  # as many as a default run makes: what holds of the set as a whole is a slow test
DEVIATIONS = 3.5  # of an AUC around 0.5, by chance; 20 cues at once stay within with odds of 99 %

CUES = ["place in the archive", "number", "file size", "bytes a pixel", "width", "area", "aspect", "mean", "contrast"]
CUES += ["sharpness", "gradient", "blue", "green", "red", "noise", "JPEG quality"]


def make(folder: Path, *, train: int, test: int, seed: int = 1, threads: int = 2) -> Path:
    generate("pictures", folder / "raw", folder / "truth", train=train, test=test, seed=seed, threads=threads)
    return folder


def members(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as file:
        return {member.filename: file.read(member) for member in file.infolist()}


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def sample(made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    return made_once("pictures", lambda folder: make(folder, train=TRAIN, test=TEST))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The set of a default run."""
    train, test = OF_A_RUN
    return make(tmp_path_factory.mktemp("pictures"), train=train, test=test)


@pytest.fixture(scope="module")
def cues(whole: Path) -> pd.DataFrame:
    """One row a readable training picture, in the order of the archive: its label, and what is no shape."""
    rows = []
    for place, (name, data) in enumerate(members(whole / "raw/train.zip").items()):
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        if pixels is None or name.endswith(".12.jpg"):
            continue
        grey = pixels.mean(axis=2, dtype=np.float32)
        rows.append(
            {
                "dog": "dog" in name,
                "place in the archive": place,
                "number": int(name.split(".")[1]),
                "file size": len(data),
                "bytes a pixel": len(data) / grey.size,
                "width": grey.shape[1],
                "area": grey.size,
                "aspect": grey.shape[1] / grey.shape[0],
                "mean": grey.mean(),
                "contrast": grey.std(),
                "sharpness": cv2.Laplacian(grey, cv2.CV_32F).var(),
                "gradient": np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean(),
                "blue": pixels[..., 0].mean(),
                "green": pixels[..., 1].mean(),
                "red": pixels[..., 2].mean(),
                "noise": np.abs(grey - cv2.medianBlur(grey, 3)).mean(),
                "JPEG quality": quantisation(data),
                "histogram": np.concatenate(
                    [np.histogram(pixels[..., c], 16, (0, 256))[0] / grey.size for c in range(3)]
                ),
                "thumbnail": cv2.resize(pixels, (8, 8), interpolation=cv2.INTER_AREA).ravel(),
                "grey thumbnail": cv2.resize(grey, (16, 16), interpolation=cv2.INTER_AREA).ravel(),
            }
        )
    return pd.DataFrame(rows)


def quantisation(data: bytes) -> int:
    """Sum of the first quantisation table: smaller for a higher quality; 0 when it is no JPEG."""
    return sum(getattr(Image.open(io.BytesIO(data)), "quantization", {0: [0]})[0])


def bound(labels: pd.Series) -> float:
    positives = int(labels.sum())
    negatives = len(labels) - positives
    return DEVIATIONS * float(np.sqrt((len(labels) + 1) / (12 * positives * negatives)))


def test_the_layout_is_that_of_dogs_vs_cats_redux(sample: Path) -> None:
    numbers = range(TRAIN // 2)

    assert {path.name for path in (sample / "raw").iterdir()} == {"train.zip", "test.zip", "sample_submission.csv"}
    assert set(members(sample / "raw/train.zip")) == {f"train/{a}.{n}.jpg" for a in ("cat", "dog") for n in numbers}
    assert list(members(sample / "raw/test.zip")) == [f"test/{n}.jpg" for n in range(1, TEST + 1)]
    assert (sample / "raw/sample_submission.csv").read_text().splitlines()[:3] == ["id,label", "1,0.5", "2,0.5"]


def test_the_truth_has_one_label_a_test_picture_half_of_them_dogs(sample: Path) -> None:
    truth = pd.read_csv(sample / "truth/solution.csv")

    assert list(truth.columns) == ["id", "label"]
    assert list(truth.id) == list(range(1, TEST + 1))
    assert truth.label.value_counts().to_dict() == {0: TEST // 2, 1: TEST // 2}


def test_the_truth_stands_nowhere_in_the_raw_folder(sample: Path) -> None:
    label = pd.read_csv(sample / "truth/solution.csv").label.astype(str)
    given = (sample / "raw/sample_submission.csv").read_text()

    assert "solution" not in " ".join(bytes_of(sample / "raw"))
    assert set(re.findall(r",(.*)", given)) == {"label", "0.5"}
    assert "".join(label).encode() not in b"".join(bytes_of(sample / "raw").values())


@pytest.mark.slow
@pytest.mark.parametrize("cue", CUES)
def test_a_trivial_cue_is_within_chance(cues: pd.DataFrame, cue: str) -> None:
    assert abs(roc_auc_score(cues.dog, cues[cue]) - 0.5) <= bound(cues.dog)


@pytest.mark.slow
@pytest.mark.parametrize("cue", ["histogram", "thumbnail", "grey thumbnail"])
def test_a_linear_classifier_of_colours_or_thumbnails_is_within_chance(cues: pd.DataFrame, cue: str) -> None:
    linear = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
    parts = StratifiedKFold(5, shuffle=True, random_state=0)
    score = cross_val_predict(linear, np.stack(cues[cue]), cues.dog, cv=parts, method="decision_function")

    assert abs(roc_auc_score(cues.dog, score) - 0.5) <= bound(cues.dog)


@pytest.mark.parametrize("archive", ["train.zip", "test.zip"])
def test_every_member_has_the_same_date_and_attributes(sample: Path, archive: str) -> None:
    with zipfile.ZipFile(sample / "raw" / archive) as file:
        kinds = {(m.date_time, m.external_attr, m.compress_type, m.extra, m.comment) for m in file.infolist()}

    assert kinds == {((2017, 1, 1, 0, 0, 0), 0o644 << 16, zipfile.ZIP_STORED, b"", b"")}


@pytest.mark.slow
def test_no_order_of_the_test_pictures_tells_the_label(whole: Path) -> None:
    truth = pd.read_csv(whole / "truth/solution.csv")
    neighbours = (truth.label.diff().dropna() == 0).mean()

    assert abs(roc_auc_score(truth.label, truth.id) - 0.5) <= bound(truth.label)
    assert abs(neighbours - 0.5) <= DEVIATIONS * 0.5 / np.sqrt(len(truth))


def test_no_two_pictures_are_the_same(sample: Path) -> None:
    everything = [*members(sample / "raw/train.zip").values(), *members(sample / "raw/test.zip").values()]

    assert len(set(everything)) == TRAIN + TEST


@pytest.mark.parametrize("animal", ["cat", "dog"])
def test_the_training_set_has_a_grey_a_cmyk_a_png_and_a_cut_picture_of_each_class(sample: Path, animal: str) -> None:
    files = members(sample / "raw/train.zip")
    odd = [Image.open(io.BytesIO(files[f"train/{animal}.{number}.jpg"])) for number in (3, 6, 9, 12)]

    assert [(picture.format, picture.mode) for picture in odd[:3]] == [("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGB")]
    with pytest.raises(OSError, match="truncated"):
        odd[3].load()


def test_all_other_pictures_are_whole_colour_jpegs(sample: Path) -> None:
    files = members(sample / "raw/train.zip") | members(sample / "raw/test.zip")
    plain = [data for name, data in files.items() if not re.fullmatch(r"train/(cat|dog)\.(3|6|9|12)\.jpg", name)]

    assert len(plain) == TRAIN + TEST - 8
    assert {data[:2] + data[-2:] for data in plain} == {b"\xff\xd8\xff\xd9"}
    assert {Image.open(io.BytesIO(data)).mode for data in plain} == {"RGB"}


def test_pictures_are_90_to_170_pixels_wide_and_of_many_sizes(sample: Path) -> None:
    sizes = {Image.open(io.BytesIO(data)).size for data in members(sample / "raw/test.zip").values()}

    assert len(sizes) > TEST / 2
    assert min(sizes)[0] >= 90
    assert max(sizes)[0] <= 170


def test_equal_arguments_give_equal_bytes_for_any_number_of_threads(tmp_path: Path) -> None:
    one = make(tmp_path / "one", train=40, test=6, threads=1)
    four = make(tmp_path / "four", train=40, test=6, threads=4)

    assert bytes_of(one) == bytes_of(four)


def test_another_seed_gives_other_pictures(tmp_path: Path) -> None:
    first = make(tmp_path / "1", train=32, test=4, seed=1)
    second = make(tmp_path / "2", train=32, test=4, seed=2)

    assert not set(members(first / "raw/test.zip").values()) & set(members(second / "raw/test.zip").values())


def test_a_second_run_replaces_what_an_interrupted_one_left(tmp_path: Path) -> None:
    fresh = make(tmp_path / "fresh", train=32, test=4)
    (tmp_path / "again/raw").mkdir(parents=True)
    (tmp_path / "again/raw/train.zip").write_bytes(b"half a zip")
    again = make(tmp_path / "again", train=32, test=4)

    assert bytes_of(again) == bytes_of(fresh)


def test_an_odd_number_of_pictures_has_one_cat_more(tmp_path: Path) -> None:
    names = members(make(tmp_path, train=33, test=3) / "raw/train.zip")

    assert sum("cat" in name for name in names) == 17


@pytest.mark.parametrize(
    ("what", "train", "message"),
    [("picture", 40, 'Did you mean "pictures"?'), ("pictures", 8, "at least 32 training")],
)
def test_what_cannot_be_generated_is_refused(tmp_path: Path, what: str, train: int, message: str) -> None:
    with pytest.raises(CatscanError) as refusal:
        generate(what, tmp_path, tmp_path, train=train, test=4, seed=1, threads=1)

    assert message in str(refusal.value)


@pytest.mark.parametrize("n", [2, 7, 120])
def test_each_quantile_is_shared_by_one_negative_and_one_positive(n: int) -> None:
    label = labels(generator(1, 0), n)
    quantiles = shared_quantiles(generator(1, 1), label, 5)

    paired = n // 2
    common = [np.intersect1d(quantiles[label == 0, column], quantiles[label == 1, column]) for column in range(5)]
    assert [len(values) for values in common] == [paired] * 5


def test_wrong_labels_are_as_many_in_each_class() -> None:
    label = labels(generator(1, 0), 200)
    drawn = drawn_labels(generator(1, 1), label, 0.02)

    assert (np.sum(drawn[label == 0] == 1), np.sum(drawn[label == 1] == 0)) == (2, 2)
