"""Commands in forks of one process that has imported all they need (a fork takes 0.02 s, TensorFlow anew 4), which can
be told when to die.

Run as a script, this is that process: it answers on a Unix socket until it is killed. `Warm` starts it and asks it. The
shim `catscan` that it puts into PATH asks it too, so that the jobs of a Snakemake that runs in a fork are forks as
well, in the process group of the shell that called the shim.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

STAGES = ("download", "index", "preprocess", "features", "train", "predict", "evaluate", "submission", "explain")
# Beyond what the stages import when they are imported: what they import when they run.
BEYOND = [
    "cv2",
    "jinja2",
    "jsonschema",
    "matplotlib.backends.backend_agg",
    "matplotlib.pyplot",
    "pandas",
    "scipy.optimize",
    "scipy.ndimage",
    "smart_open",
    "snakemake.cli",
    "snakemake.report.html_reporter",
    "yte",
    "catscan.networks.compat",
    "catscan.networks.pretrained.extractor",
    "catscan.stages.train.engine",
    "catscan.stages.train.validation",
    "catscan.networks.traced",
    "catscan.kinds.kernels.area",
    "catscan.kinds.kernels.plane",
]
SHIM = """#!{python} -ISE
import json, os, socket, struct, sys
asked = socket.socket(socket.AF_UNIX)
asked.connect({address!r})
socket.send_fds(asked, [b"."], [1, 2])
what = dict(module="catscan.cli", arguments=sys.argv[1:], folder=os.getcwd(), environment=dict(os.environ),
    group=os.getpgid(0), death=json.loads(os.environ.get("DEATH", "null")))
text = json.dumps(what).encode()
asked.sendall(struct.pack("!i", len(text)) + text)
answers = asked.makefile("rb")
answers.readline()
sys.exit(json.loads(answers.readline() or '{{"code": 1}}')["code"] % 256)
"""


@dataclass(frozen=True)
class Death:
    """When a process dies, and who with it.

    Attributes
    ----------
    how
        `event`: before the ``amount``-th change of a file or folder (opened to be written, renamed, flushed, removed,
        made); `byte`: in a write, once a file has ``amount`` bytes; `time`: after ``amount`` seconds of the processor.
        The last two by the default action of SIGXFSZ and SIGPROF, of which it hears no more than of a SIGKILL.
        `full`: it does not die, but no file can have more than ``amount`` bytes.
    whom
        `self`, or of an `event` its `run` (the Snakemake that leads it), or `all` of its group.
    stage
        The command that this is meant for, "" for any.
    once
        A file that the process that is to die removes first; when it is gone, nobody dies.
    """

    how: str
    amount: float
    whom: str = "self"
    stage: str = ""
    once: str = ""


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code (minus the signal's number), what it took, and how many files it changed."""

    code: int
    seconds: float
    events: int


class Running:
    """A command in a fork."""

    def __init__(self, connection: socket.socket) -> None:
        self._answers = connection.makefile("rb")
        connection.close()
        self.pid = int(self._answers.readline())

    def wait(self) -> Ended:
        """Wait for its end."""
        answer = json.loads(self._answers.readline())
        self._answers.close()
        return Ended(**answer)


class Warm:
    """The process that has imported all, for the length of a ``with`` block; its socket lies in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.bin, self._address = folder / "bin", str(folder / "socket")
        self.bin.mkdir()
        self.shim = self.bin / "catscan"
        self.shim.write_text(SHIM.format(python=sys.executable, address=self._address))
        self.shim.chmod(0o755)
        self._process = subprocess.Popen([sys.executable, __file__, self._address], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"warm\n"

    def __enter__(self) -> Warm:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def start(
        self,
        module: str,
        arguments: list[str],
        folder: Path,
        *,
        printed: Path,
        death: Death | None = None,
        also: dict[str, str] | None = None,
    ) -> Running:
        """Start ``main(arguments)`` of a module in ``folder`` as the first of a process group of its own.

        Its environment is this one, and ``also``.
        """
        path = f"{self.bin}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {
            **os.environ,
            **(also or {}),
            "PATH": path,
            "DEATH": json.dumps(asdict(death) if death else None),
        }
        asked = socket.socket(socket.AF_UNIX)
        asked.connect(self._address)
        with printed.open("w") as out:
            socket.send_fds(asked, [b"."], [out.fileno(), out.fileno()])
        what = {"module": module, "arguments": arguments, "folder": str(folder), "environment": environment}
        text = json.dumps({**what, "group": 0, "death": asdict(death) if death else None}).encode()
        asked.sendall(len(text).to_bytes(4, "big") + text)
        return Running(asked)

    def run(self, *what: Any, **how: Any) -> Ended:
        """The same, and wait for it."""
        return self.start(*what, **how).wait()

    def ended(self) -> str:
        """What each command took that has ended, a line each."""
        log = Path(f"{self._address}.ended")
        return log.read_text() if log.exists() else ""


def whole(log: Path, stage: str) -> list[Ended]:
    """The runs of a stage, or of "snakemake", that ended well."""
    ended = [Ended(**told) for one, told in map(json.loads, log.read_text().splitlines()) if one == stage]
    return [one for one in ended if not one.code]


def serve(address: str) -> None:
    """Fork for each that asks."""
    for name in (*(f"catscan.stages.{stage}" for stage in (*STAGES, "report")), *BEYOND):
        importlib.import_module(name)
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(100)
    print("warm", flush=True)
    os.close(1)
    os.open(os.devnull, os.O_WRONLY)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who attend
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _attend(connection)
        connection.close()


def _attend(connection: socket.socket) -> None:
    """Run one command in a fork of its own, tell its process and then its end."""
    _, streams, _, _ = socket.recv_fds(connection, 1, 2)
    asked = connection.makefile("rb")
    what = json.loads(asked.read(int.from_bytes(asked.read(4), "big")))
    counted, counting = os.pipe()
    said, saying = os.pipe()
    relayed = bool(what["death"]) and what["death"]["how"] == "full"  # what it says is not written by itself
    pid = os.fork()
    if pid == 0:
        connection.close()
        asked.close()
        _work(what, [saying, os.dup(saying)] if relayed else streams, counting)
    os.close(counting)
    os.close(saying)
    with suppress(OSError):  # who asked is dead
        connection.sendall(b"%d\n" % pid)
    while relayed and (text := os.read(said, 1 << 16)):
        os.write(streams[0], text)
    for stream in streams:
        os.close(stream)
    _, status, used = os.wait4(pid, 0)
    events = int(os.read(counted, 100) or b"0")
    ended = Ended(os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, events)
    with Path(f"{connection.getsockname()}.ended").open("a") as log:
        log.write(json.dumps([stage_of(what), asdict(ended)]) + "\n")
    with suppress(OSError):
        connection.sendall(json.dumps(asdict(ended)).encode() + b"\n")
    os._exit(0)


def stage_of(what: dict[str, Any]) -> str:
    """The stage that a command runs, "snakemake" of a whole run."""
    return what["arguments"][0] if what["module"] == "catscan.cli" else "snakemake"


def _work(what: dict[str, Any], streams: list[int], counting: int) -> None:
    os.setpgid(0, what["group"])
    for number, stream in enumerate(streams, start=1):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(what["folder"])
    os.environ.clear()
    os.environ.update(what["environment"])
    arguments = what["arguments"]
    sys.argv = [what["module"], *arguments]
    counter = _Counter(what["folder"])
    _arm(what["death"] and Death(**what["death"]), stage_of(what), counter)
    code: Any = 1
    try:
        code = importlib.import_module(what["module"]).main(arguments)
    except SystemExit as stopped:
        code = stopped.code
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(counting, b"%d" % counter.count)
    os._exit(code or 0)


class _Counter:
    """Counts the changes of files and folders below ``folder``, and calls ``reached`` before the one it waits for."""

    def __init__(self, folder: str) -> None:
        self.folder, self.count, self.last, self.whom = folder, 0, 0, ""
        sys.addaudithook(self)
        flush = os.fsync

        def flushed(number: int) -> None:
            self.one()
            flush(number)

        os.fsync = flushed

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = args
            if flags & (os.O_WRONLY | os.O_RDWR) and self._here(path):
                self.one()
        elif event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink"):
            self.one()

    def _here(self, path: Any) -> bool:
        if not isinstance(path, str | bytes):
            return False
        name = os.fsdecode(path)
        return not name.startswith("/") or name.startswith(self.folder)

    def one(self) -> None:
        self.count += 1
        if self.count == self.last:
            _kill(self.whom)


def _arm(death: Death | None, stage: str, counter: _Counter) -> None:
    """Have this process die when it is told to."""
    if death is None or death.stage not in ("", stage):
        return
    if death.once:
        try:
            Path(death.once).unlink()
        except FileNotFoundError:
            return
    counter.count = 0
    if death.how == "event":
        counter.last, counter.whom = int(death.amount), death.whom
    elif death.how in ("byte", "full"):
        if death.how == "byte":  # else Python ignores the signal, and the write fails
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(death.amount), int(death.amount)))
    else:
        signal.setitimer(signal.ITIMER_PROF, max(death.amount, 1e-4))


def _kill(whom: str) -> None:
    if whom == "all":
        os.killpg(0, signal.SIGKILL)
    os.kill(int(os.environ["CATSCAN_RUN"]) if whom == "run" else os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    serve(sys.argv[1])
