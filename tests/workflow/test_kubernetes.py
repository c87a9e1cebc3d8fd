"""The workflow as pods: Snakemake's real executor, an API server that stands for Kubernetes, results in a local S3.

Not a cluster: what is held is the contract between the profile, the executor and the server (tests/kubernetes_api.py).
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import kubernetes_api
import pytest
from kubernetes_api import GPU, Cluster, Pod
from local_s3 import KEYS, S3, serving

from .conftest import Project, copy_of_the_project

pytestmark = pytest.mark.cloud

SMALLEST = """
run: [dogs-vs-cats]
competitions:
  dogs-vs-cats:
    source: {train: 32, test: 4}
    index: {folds: 2, shards: 1}
    preprocess: {picture: {size: [16, 16]}, tolerated_share: 0.2}
    models:
      resnet:
        network:
          - convolution: {feature_maps: 2, window: 3}
          - pooling: {kind: max, window: 2}
        epochs: 2
        batch_size: 4
    train: {threads: 1, folds: [0]}
"""
SUBMISSION = "results/dogs-vs-cats/submission.csv"
WEIGHTS = "results/dogs-vs-cats/models/resnet/fold-0/weights.npz"
OPTIONS = (
    *("--profile", "profiles/kubernetes", "--container-image", "registry/catscan:1"),
    *("--default-storage-prefix", "s3://catscan/run", "--jobs", "2"),
)


@dataclass
class Ran:
    """A run whose first training pod fails: its pods, what it printed, and what is in S3 then."""

    cluster: Cluster
    printed: str
    there: dict[str, bytes]

    def pods_of(self, rule: str) -> list[Pod]:
        return [pod for pod in self.cluster.made if f"--allowed-rules {rule}" in pod.command]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    folder = tmp_path_factory.mktemp("pods")
    with serving() as s3:
        cluster = Cluster(folder, kubernetes_api.image_of_this_machine(folder), _fails_first())
        with kubernetes_api.serving(cluster) as kubeconfig:
            printed = run(smallest(folder / "controller"), s3, kubeconfig)
        yield Ran(cluster, printed, s3.objects("catscan", "run/"))


def _fails_first() -> Callable[[Pod], bool]:
    failed: list[Pod] = []

    def fails(pod: Pod) -> bool:
        if "--allowed-rules train_fold" not in pod.command or failed:
            return False
        failed.append(pod)
        return True

    return fails


def smallest(home: Path) -> Project:
    """A clone: the files that Git knows are what Snakemake takes to the pods."""
    project = copy_of_the_project(home)
    project.overlays = []
    project.overlay(SMALLEST)
    subprocess.run("git init -q . && git add -A", shell=True, cwd=home, check=True)
    return project


def run(project: Project, s3: S3, kubeconfig: Path) -> str:
    project.overlays = [path.relative_to(project.home) for path in project.overlays]
    done = subprocess.run(
        ["timeout", "600", *project.command("submission", *OPTIONS)],
        cwd=project.home,
        env=project.environment | s3.environment | {"KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def test_the_submission_equals_that_of_a_run_on_one_machine(ran: Ran, tmp_path: Path) -> None:
    here = smallest(tmp_path / "here")
    subprocess.run(here.command("submission"), cwd=here.home, env=here.environment, check=True, capture_output=True)

    assert ran.there[SUBMISSION] == (here.home / SUBMISSION).read_bytes()
    assert ran.there[WEIGHTS] == (here.home / WEIGHTS).read_bytes()


def test_each_job_is_a_pod_of_the_image_but_for_those_of_the_machine_that_plans(ran: Ran) -> None:
    assert {pod.container["image"] for pod in ran.cluster.made} == {"registry/catscan:1"}
    assert len(ran.cluster.made) == 7  # index, two shards, two trainings, prediction, evaluation
    assert not ran.pods_of("download_files")


def test_a_training_asks_for_a_gpu_with_its_limit(ran: Ran) -> None:
    asked = ran.pods_of("train_fold")[0].container["resources"]

    assert asked["requests"][GPU] == asked["limits"][GPU] == "1"
    assert GPU not in ran.pods_of("index_samples")[0].container["resources"]["requests"]


def test_a_pod_that_fails_comes_again_with_more_memory(ran: Ran) -> None:
    asked = [pod.container["resources"]["limits"]["memory"] for pod in ran.pods_of("train_fold")]

    assert asked == ["8000M", "16000M"]
    assert "Trying to restart job" in ran.printed


def test_keys_travel_as_a_secret_alone_and_it_goes_with_the_run(ran: Ran) -> None:
    described = json.dumps([pod.body for pod in ran.cluster.made])

    assert "SNAKEMAKE_STORAGE_S3_SECRET_KEY" in described
    assert not any(key in described for key in KEYS.values())
    assert ran.cluster.secrets == {}
