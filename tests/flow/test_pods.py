"""What Snakemake's Kubernetes executor asks wrongly, asked rightly."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from kubernetes_api import Cluster, Pod, serving

from catscan.flow import pods

pytestmark = pytest.mark.cloud


def test_the_log_of_a_failed_pod_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "CATSCAN_CLOUD" not in os.environ:
        pytest.importorskip("kubernetes", reason="CATSCAN_CLOUD=1 ./run installs it")
    from kubernetes import client, config

    monkeypatch.setattr(client.CoreV1Api, "read_namespaced_pod_log", client.CoreV1Api.read_namespaced_pod_log)
    monkeypatch.setitem(sys.modules, pods.EXECUTOR, sys)
    cluster = Cluster(tmp_path, {})
    (tmp_path / "job.log").write_text("what it said")
    with subprocess.Popen(["false"]) as process:
        cluster.pods["job"] = Pod({}, tmp_path / "job", process)
    with serving(cluster) as kubeconfig:
        config.load_kube_config(str(kubeconfig))
        asked = {"name": "job-pod", "namespace": "default", "previous": True}
        with pytest.raises(client.ApiException, match="previous terminated container"):
            client.CoreV1Api().read_namespaced_pod_log(**asked)
        pods.read_their_own_logs()

        assert client.CoreV1Api().read_namespaced_pod_log(**asked) == "what it said"
