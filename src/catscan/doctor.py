"""Check the machine, the credentials and the competition before a byte is fetched.

Without a config it looks at this machine alone. With one it also looks at the source of each competition that would
run: whether a folder is there and readable; whether Kaggle accepts the credentials, its rules are accepted, and the
disk is large enough for the files. It ends with exit code 2 when something that is needed is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catscan.common.errors import CatscanError, listed
from catscan.flow import config, config_files, gpus
from catscan.flow.schema import ROOT, SCHEMA
from catscan.kaggle.refusals import SITE, credentials
from catscan.networks.computing import Computing
from catscan.raw.files import RawFile, RawFiles
from catscan.raw.places import place_of
from catscan.raw.sample_submission import find_sample
from catscan.raw.source import folder_of, is_archive, located

GB = 1_000_000_000
PYTHONS = ((3, 11), (3, 13))
DISK_NEEDED = 2 * GB  # room for the default run's results and temporary files several times over
MEMORY_NEEDED = 2 * GB  # one training job of the default run
ARRAYS_SHARE = 2.0  # results beside the files, as a multiple of them: a 7z of CT scans unpacks to 2.5 times its size
TENSORFLOW = (
    "import tensorflow as tf; "
    "print(tf.__version__, int(tf.test.is_built_with_cuda()), len(tf.config.list_physical_devices('GPU')))"
)
REPEATABILITY = (
    "import json; from catscan.networks.repeatability import survey; "
    f"print(json.dumps(survey(threads={Computing().threads})))"
)


@dataclass(frozen=True)
class Finding:
    """One line of the table.

    Attributes
    ----------
    name
        What was looked at.
    state
        ok, note (good to know) or missing (needed).
    text
        What was found.
    do
        The next step; "" when there is none.
    """

    name: str
    state: str
    text: str
    do: str = ""


def register(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `catscan doctor`."""
    parser.add_argument(
        "--configfile",
        type=Path,
        help="a config to check too, as given to snakemake; for a Kaggle competition this asks Kaggle",
    )


def run(args: argparse.Namespace) -> None:
    """Look at everything, print the table, and fail when something needed is missing."""
    tensorflow = _tensorflow(gpus.count())
    findings = [*_machine(Path.cwd()), *(Finding("GPU", "ok", line) for line in gpus.described()), tensorflow]
    if tensorflow.state != "missing":
        findings.append(_repeatability())
    findings.append(_credentials())
    if args.configfile:
        findings += _competitions(args.configfile)
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        print(f"{finding.state:<7}  {finding.name:<{width}}  {finding.text}")
        if finding.do and finding.state != "ok":
            print(f"{'':<7}  {'':<{width}}  -> {finding.do}")
    missing = [finding.name for finding in findings if finding.state == "missing"]
    if missing:
        raise CatscanError("Something that is needed is missing.", where=", ".join(missing), do="See the table.")


def _machine(folder: Path) -> Iterator[Finding]:
    here = sys.version_info[:2]
    fits = PYTHONS[0] <= here <= PYTHONS[1]
    yield Finding(
        "Python",
        "ok" if fits else "missing",
        f"{sys.version.split()[0]}, {sys.executable}",
        "Python 3.11, 3.12 or 3.13 is needed: CATSCAN_PYTHON=/path/to/python3.12 ./run ...",
    )
    yield Finding("cores", "ok", str(_cores()))
    yield _enough("memory", _free_memory(), MEMORY_NEEDED, "Close other programs, or lower `batch_size`.")
    yield _enough("disk", shutil.disk_usage(folder).free, DISK_NEEDED, "Free some space, or work on a larger disk.")


def _cores() -> int:
    """The cores that this process may use; where the system cannot tell (macOS), those of the machine."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def _enough(name: str, free: int, needed: int, do: str) -> Finding:
    return Finding(name, "ok" if free >= needed else "missing", f"{free / GB:,.1f} GB free", do)


def _free_memory(table: Path = Path("/proc/meminfo")) -> int:
    """Bytes that a new process can have: Linux' own estimate, elsewhere all of the memory."""
    if table.exists():
        for line in table.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _tensorflow(devices: int, command: tuple[str, ...] = (sys.executable, "-c", TENSORFLOW)) -> Finding:
    """Ask a process of its own, since importing TensorFlow takes seconds and much memory.

    Parameters
    ----------
    devices
        The number of GPUs in this machine.
    command
        Prints the version, whether it is built for CUDA (0 or 1), and the number of GPUs it can use.
    """
    answer, reason = _asked(command)
    if reason:
        return Finding("TensorFlow", "missing", reason, "Set the environment up again: rm -rf .venv, then ./run.")
    version, is_cuda, usable = answer.split()[-3:]
    build = "for CUDA" if is_cuda == "1" else "for the CPU"
    text = f"{version} {build}; GPUs: {devices} here, {usable} usable"
    do = _towards_a_gpu(devices, is_for_cuda=is_cuda == "1") if usable == "0" else ""
    return Finding("TensorFlow", "note" if do else "ok", text, do)


def _towards_a_gpu(devices: int, *, is_for_cuda: bool) -> str:
    """What to do where TensorFlow can use no GPU; "" where none was to be expected."""
    if is_for_cuda:
        return "Look whether the driver is too old for it." if devices else "Nothing: without a GPU the CPU computes."
    do = "Set up with the GPU packages: rm -rf .venv, then ./run (it takes requirements-cuda.txt beside a GPU)."
    return do if devices else ""


def _asked(command: tuple[str, ...]) -> tuple[str, str]:
    """What the command prints, and the reason when it fails."""
    answer = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    )
    if not answer.returncode:
        return answer.stdout, ""
    return "", (answer.stderr.strip().splitlines() or ["no reason given"])[-1]


def _repeatability(command: tuple[str, ...] = (sys.executable, "-c", REPEATABILITY)) -> Finding:
    """Whether the same seed gives the same bytes here, as far as the convolutions that are at risk tell.

    Parameters
    ----------
    command
        Prints as JSON what `catscan.networks.repeatability.survey` gives.
    """
    answer, reason = _asked(command)
    if reason:
        return Finding("same bytes", "note", f"could not be tried: {reason}", "Please report this line.")
    survey = json.loads(answer.splitlines()[-1])
    changing = {precision: shapes for precision, shapes in survey["changing"].items() if shapes}
    if not changing:
        tried = f"{survey['convolutions']} convolutions at risk, {survey['calls']} calls each"
        return Finding("same bytes", "ok", f"{tried}, in {' and '.join(survey['changing'])}: no byte changed")
    text = "; ".join(
        f"in {precision}, other bytes from call to call: {listed(shapes)}" for precision, shapes in changing.items()
    )
    do = (
        "Two trainings with the same seed may differ on this processor; please report this line."
        if "fp32" in changing
        else "Nothing: `train.precision: auto` takes fp32 for a network with such a convolution."
    )
    return Finding("same bytes", "note", text, do)


def _credentials() -> Finding:
    found = credentials()
    if found:
        return Finding("Kaggle log-in", "ok", f"credentials in {', '.join(found)} (not tried)")
    do = f"For Kaggle's data: `kaggle auth login`, or a token from {SITE}/settings/api in ~/.kaggle/access_token."
    return Finding("Kaggle log-in", "note", "no credentials; generated data and your own files need none", do)


def _competitions(path: Path) -> Iterator[Finding]:
    try:
        loaded = config.load(merged(path), SCHEMA)
    except CatscanError as error:
        yield _from_error("config", error)
        return
    yield Finding("config", "ok", f"{path} runs {', '.join(loaded['run'])}")
    for name in loaded["run"]:
        competition = loaded["competitions"][name]
        kind = competition["source"]["kind"]
        if kind == "kaggle":
            yield from _kaggle(name, competition)
        else:
            where = competition["source"]["path"] if kind == "directory" else competition["source"]["sample"]
            yield Finding(name, "ok", f"source {kind}: {where}")
        if kind == "directory":
            try:
                yield from _sample_submission(name, competition, _files_of(located(where)))
            except CatscanError as error:
                yield _from_error(name, error)


def _files_of(source: Path) -> list[RawFile]:
    """The files of a folder, or of one archive, as the stages will see them; a 7z is one file."""
    if source.suffix.lower() == ".7z":
        return [RawFile("", source.name, source.stat().st_size)]
    raw = RawFiles(folder_of(source))
    try:
        return raw.all() if source.is_dir() else raw.below(source.name, "")
    finally:
        raw.close()


def _sample_submission(name: str, competition: dict[str, Any], files: list[RawFile]) -> Iterator[Finding]:
    """Whether the sample submission is there; nothing where it may be in an archive that is not open yet."""
    wanted, test_ids = competition["submission"]["sample"], competition["data"]["test_ids"]
    if not wanted or any(is_archive(file.path) for file in files):
        return
    try:
        found = find_sample(files, wanted, test_ids=test_ids)
    except CatscanError as error:
        yield _from_error(f"{name}: sample submission", error)
    else:
        yield Finding(f"{name}: sample submission", "ok", place_of(found))


def merged(path: Path) -> dict[str, Any]:
    """The default config with the overlay ``path`` merged over it key by key, as Snakemake does.

    Raises
    ------
    CatscanError
        When the file is missing or is not a YAML mapping.
    """
    default = config_files.read(ROOT / "config" / "config.yaml")
    _merge(default, config_files.read(path))
    return default


def _merge(under: dict[str, Any], over: dict[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(under.get(key), dict):
            _merge(under[key], value)
        else:
            under[key] = value


def _kaggle(name: str, competition: dict[str, Any]) -> Iterator[Finding]:
    """Log in, look at the competition, and hold its files against the disk."""
    from catscan.kaggle.api import Kaggle

    slug, wanted = competition["source"]["competition"], competition["source"]["files"]
    try:
        kaggle = Kaggle(slug)
        about = kaggle.about()
        yield Finding(f"{name}: log-in", "ok", f"accepted as {kaggle.user or 'the owner of the key'}")
        yield _rules(name, slug, has_entered=about.user_has_entered)
        if about.is_kernels_submissions_only and competition["submission"]["kind"] == "file":
            yield Finding(
                f"{name}: submit", "note", "it takes notebooks, not files", "Set `submission.kind: notebook`."
            )
        files, is_whole = kaggle.files(at_most=1000)
    except CatscanError as error:
        yield _from_error(f"{name}: Kaggle", error)
        return
    fetched = [file for file in files if not wanted or file.name in wanted]
    if is_whole:
        yield from _sample_submission(name, competition, [RawFile("", file.name, file.size) for file in fetched])
    total = sum(file.size for file in fetched)
    free, needed = shutil.disk_usage(Path.cwd()).free, int(total * (1 + ARRAYS_SHARE))
    more = "" if is_whole else " and more"
    yield Finding(
        f"{name}: files",
        "ok" if free >= needed else "missing",
        f"{len(files):,}{more}, {total / GB:,.2f} GB to fetch; about {needed / GB:,.1f} GB with all results",
        f"{free / GB:,.1f} GB are free: work on a larger disk, or name the files you need in `source.files`.",
    )


def _rules(name: str, slug: str, *, has_entered: bool) -> Finding:
    return Finding(
        f"{name}: rules",
        "ok" if has_entered else "missing",
        "accepted" if has_entered else "not accepted",
        f"Open {SITE}/competitions/{slug}/rules, log in and accept them.",
    )


def _from_error(name: str, error: CatscanError) -> Finding:
    facts = "; ".join(part for part in (error.where, error.found) if part)
    text = f"{error.what} ({facts})" if facts else error.what
    return Finding(name, "missing", text.replace("\n", " "), error.do.replace("\n", " "))
