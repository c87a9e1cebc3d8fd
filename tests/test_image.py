"""The Dockerfile: what it may not hold, what a linter says, and, where a base is to be had, the image itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
BASE = os.environ.get("CATSCAN_IMAGE_BASE", "")  # an image, as `buildah` takes it for `FROM`


def test_nobody_is_root_in_it_by_a_number_as_kubernetes_checks_it() -> None:
    assert re.findall(r"^USER (.+)", DOCKERFILE, re.MULTILINE) == ["1000"]


def test_no_secret_goes_in() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()

    assert set(re.findall(r"^ARG (\w+)", DOCKERFILE, re.MULTILINE)) == {"BASE", "LOCK"}
    assert ignored[1] == "*"  # what is not named stays outside: .git, results, kaggle.json


def test_all_that_it_takes_is_there() -> None:
    named = re.findall(r"^!(.+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE)

    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_lock_has_the_wheel_that_a_pod_installs() -> None:
    (lines,) = re.findall(
        r"^snakemake-storage-plugin-s3==.*?^    # via", (ROOT / "requirements-cloud.txt").read_text(), re.M | re.S
    )

    assert "--hash=sha256:" in lines


@pytest.mark.cloud
def test_the_linter_of_dockerfiles_has_nothing_to_say() -> None:
    if not shutil.which("hadolint") and "CATSCAN_CLOUD" not in os.environ:
        pytest.skip("CATSCAN_CLOUD=1 ./run installs hadolint")
    done = subprocess.run(["hadolint", ROOT / "Dockerfile"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


@pytest.fixture(scope="module")
def container() -> Iterator[str]:
    """A container of the image, built on CATSCAN_IMAGE_BASE: minutes, and gigabytes."""
    if not (BASE and shutil.which("buildah")):
        pytest.skip("there is no buildah, or CATSCAN_IMAGE_BASE names no base for it (Debian with python3-venv)")
    arguments = [
        "--isolation",
        "chroot",
        "--build-arg",
        f"BASE={BASE}",
        *os.environ.get("CATSCAN_IMAGE_OPTIONS", "").split(),
    ]
    subprocess.run(["buildah", "bud", *arguments, "-t", "localhost/catscan", "."], cwd=ROOT, check=True)
    name = subprocess.run(["buildah", "from", "localhost/catscan"], capture_output=True, text=True, check=True).stdout
    yield name.strip()
    subprocess.run(["buildah", "rm", name.strip()], check=True)


def inside(container: str, command: str) -> str:
    done = subprocess.run(
        ["buildah", "run", "--isolation", "chroot", container, "sh", "-c", command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.cloud
def test_the_image_runs_catscan_and_snakemake_as_nobody_in_particular(container: str) -> None:
    assert inside(container, "id -u").strip() == "1000"
    assert "preprocess" in inside(container, "catscan --help")
    assert inside(container, "python -m snakemake --version").startswith("9.")


@pytest.mark.cloud
def test_a_pods_first_words_need_no_registry(container: str) -> None:
    said = inside(
        container, "cd /workdir && pip install --target .snakemake/pip-deployments snakemake-storage-plugin-s3"
    )

    assert "Successfully installed snakemake-storage-plugin-s3-0.3.6" in said
