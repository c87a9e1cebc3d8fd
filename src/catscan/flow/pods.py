"""The jobs that run as pods on Kubernetes: what Snakemake's executor asks wrongly, asked rightly."""

from __future__ import annotations

import sys
from typing import Any

EXECUTOR = "snakemake_executor_plugin_kubernetes"  # loaded by Snakemake where it is installed


def read_their_own_logs() -> None:
    """Have the log of a failed pod read, not that of a container before it.

    There is none before it, since a job's pod is started once; the server refuses, and plugin 0.5.1 then ends the whole
    run, in place of trying the job again.
    """
    if EXECUTOR not in sys.modules:
        return
    from kubernetes.client import CoreV1Api

    read = CoreV1Api.read_namespaced_pod_log

    def read_its_own(self: Any, name: str, namespace: str, **how: Any) -> Any:
        return read(self, name, namespace, **{**how, "previous": False})

    CoreV1Api.read_namespaced_pod_log = read_its_own
