"""A SLURM of three nodes on this machine, with GPUs that are none: from its start to its end in one ``with`` block."""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

NEEDED = ("slurmctld", "slurmd", "munged", "sbatch")
MISSING = [name for name in NEEDED if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")]
NODES = ("n1", "n2", "n3")
GPUS = 1  # of each node
CONF = """\
ClusterName=catscan
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={home}/munge/socket
CredType=cred/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool-%n
SlurmctldPidFile={home}/slurmctld.pid
SlurmdPidFile={home}/slurmd-%n.pid
SlurmctldLogFile={home}/log/slurmctld.log
SlurmdLogFile={home}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
GresTypes=gpu
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
MinJobAge=3600
KillWait=5
SlurmdTimeout=10
SlurmctldTimeout=10
AccountingStorageType=accounting_storage/none
{nodes}
PartitionName=cpu Nodes=ALL Default=YES MaxTime=1440 State=UP
PartitionName=gpu Nodes=ALL MaxTime=1440 State=UP
"""
NODE = (
    "NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 RealMemory=64000 Gres=gpu:fake:{gpus} "
    "Sockets=1 CoresPerSocket=2 ThreadsPerCore=1 State=UNKNOWN"
)
# Kills the daemons when it is told to, and when the process that tests is no more, whatever became of it.
WATCHER = """
import os, signal, sys
from pathlib import Path

home = Path(sys.argv[1])
sys.stdin.read()
for path in [*home.glob("slurmd-*.pid"), home / "slurmctld.pid", home / "munge" / "pid"]:
    try:
        os.kill(int(path.read_text()), signal.SIGKILL)
    except (OSError, ValueError):
        pass
"""
# What a job's inner Snakemake is started by loses SLURM_CONF, and with it this cluster.
SRUN = '#!/bin/sh\nSLURM_CONF={conf} exec {srun} "$@"\n'
SECONDS_TO_START = 30
SECONDS_TO_END = 20


class Cluster:
    """The cluster in ``home``, a folder of a short path, since sockets lie in it."""

    def __init__(self, home: Path) -> None:
        self.home, self.conf = home, home / "slurm.conf"
        self._watcher: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The variables under which SLURM's commands speak to this cluster."""
        path = f"{self.home / 'bin'}{os.pathsep}{os.environ['PATH']}{os.pathsep}/usr/sbin"
        return {**os.environ, "SLURM_CONF": str(self.conf), "PATH": path}

    def __enter__(self) -> Self:
        for name in ("munge", "state", "log", "dev", "bin"):
            (self.home / name).mkdir()
        (self.home / "munge").chmod(0o711)
        (self.home / "munge" / "key").write_bytes(secrets.token_bytes(1024))
        (self.home / "munge" / "key").chmod(0o400)
        self._write()
        self._watcher = subprocess.Popen(
            [sys.executable, "-c", WATCHER, str(self.home)], stdin=subprocess.PIPE, start_new_session=True
        )
        munge = self.home / "munge"
        files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        try:
            self._call("munged", "--force", *(f"--{option}={munge / name}" for option, name in files.items()))
            self._call("slurmctld", "-c")
            for node in NODES:
                self.start_node(node)
            self.wait_until_idle()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(AssertionError):  # the controller is not there
            self.cancel_all()
        assert self._watcher is not None
        self._watcher.communicate()  # which ends the daemons now
        for node in NODES:
            self._kill_jobs_of(node)

    def _write(self) -> None:
        host, ports = socket.gethostname().partition(".")[0], _free_ports(len(NODES) + 1)
        nodes = [
            NODE.format(node=node, host=host, port=port, gpus=GPUS) for node, port in zip(NODES, ports[1:], strict=True)
        ]
        self.conf.write_text(
            CONF.format(host=host, ports=ports, user=getpass.getuser(), home=self.home, nodes="\n".join(nodes))
        )
        gpus = [(node, self.home / "dev" / f"{node}-nvidia{number}") for node in NODES for number in range(GPUS)]
        for _, device in gpus:
            device.symlink_to("/dev/null")  # CUDA_VISIBLE_DEVICES is set for what is a device
        lines = [f"NodeName={node} Name=gpu Type=fake Flags=nvidia_gpu_env File={device}\n" for node, device in gpus]
        (self.home / "gres.conf").write_text("".join(lines))
        (self.home / "cgroup.conf").write_text("CgroupAutomount=no\n")
        srun = self.home / "bin" / "srun"
        srun.write_text(SRUN.format(conf=self.conf, srun=shutil.which("srun")))
        srun.chmod(0o755)

    def _call(self, *command: str) -> str:
        """What a command of SLURM's prints."""
        environment = self.environment
        program = shutil.which(command[0], path=environment["PATH"]) or command[0]
        done = subprocess.run(
            [program, *command[1:]], env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}{self._logs()}"
        return done.stdout

    def _logs(self) -> str:
        return "\n".join(f"{path.name}:\n{path.read_text()[-2000:]}" for path in (self.home / "log").glob("*.log"))

    def wait_until_idle(self) -> None:
        """Wait until all nodes are up and have no job."""
        until = time.monotonic() + SECONDS_TO_START
        while (states := set(self._call("sinfo", "--noheader", "--format=%T").split())) != {"idle"}:
            assert time.monotonic() < until, f"nodes are {states}\n{self._logs()}"
            time.sleep(0.2)

    def start_node(self, node: str) -> None:
        """Start the daemon of a node."""
        self._call("slurmd", "-N", node)

    def kill_node(self, node: str) -> None:
        """What a power cut does to a node: its daemon and all processes of its jobs are gone at once."""
        os.kill(int((self.home / f"slurmd-{node}.pid").read_text()), signal.SIGKILL)
        self._kill_jobs_of(node)

    def _kill_jobs_of(self, node: str) -> None:
        for process in self._processes_of(node):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def _processes_of(self, node: str) -> list[int]:
        """What watches over the steps of a node's jobs, to be killed first, since it would report; then the jobs'."""
        watching, watched = [], []
        for path in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                environment = set((path / "environ").read_bytes().split(b"\0"))
                if f"SLURM_CONF={self.conf}".encode() not in environment:
                    continue
                if (path / "cmdline").read_bytes().startswith(b"slurmstepd:"):
                    watching += [int(path.name)] * self._is_on(node, path)
                elif f"SLURMD_NODENAME={node}".encode() in environment:
                    watched.append(int(path.name))
        return watching + watched

    def _is_on(self, node: str, process: Path) -> bool:
        """Whether what watches over a step has open files of the node's."""
        links = []
        for one in (process / "fd").glob("*"):
            with suppress(OSError):
                links.append(os.readlink(one))  # noqa: PTH115
        return any(f"slurmd-{node}" in link or f"spool-{node}" in link for link in links)

    def jobs(self, *, states: str = "all") -> list[dict[str, str]]:
        """All jobs, ended ones too: number, rule with wildcards, state, node."""
        text = self._call("squeue", "--noheader", f"--states={states}", "--sort=i", "--format=%i|%T|%N|%k")
        return [
            dict(zip(("id", "state", "node", "rule"), line.split("|", 3), strict=True)) for line in text.splitlines()
        ]

    def cancel(self, job: str) -> None:
        """Cancel one job."""
        self._call("scancel", job)

    def cancel_all(self) -> None:
        """Cancel all jobs, and wait until they are gone."""
        self._call("scancel", f"--user={getpass.getuser()}")
        until = time.monotonic() + SECONDS_TO_END
        while self._call("squeue", "--noheader") and time.monotonic() < until:
            time.sleep(0.2)

    def hurry(self, job: str) -> None:
        """Let a job that its node has lost begin at once; SLURM waits two minutes before it may begin again."""
        self._call("scontrol", "update", f"JobId={job}", "StartTime=now")


def _free_ports(count: int) -> list[int]:
    """Ports that nobody has at the moment."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports
