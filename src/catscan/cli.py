"""The `catscan` command: one sub-command a stage, in the order of the flow."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from types import FrameType

from catscan import __version__
from catscan.common.errors import CatscanError, did_you_mean
from catscan.common.leader import follow
from catscan.common.progress import speak_for

# The help line of each is the first line of its module's docstring; a test holds them equal. The modules are imported
# only when called for, so that `catscan --help` answers at once.
COMMANDS = {
    "download": "Bring a competition's own files into its raw folder.",
    "index": "List every sample once: its id, label, split, group, fold and where its bytes are.",
    "preprocess": "Turn the pictures or scans of one shard into one uint8 array.",
    "features": "Look at the samples of one shard with a pretrained network, once, and keep what it says of each.",
    "train": "Train one network on all folds but one, and predict the one held out.",
    "predict": "Predict the class probabilities of the test samples, or of pictures and series given by name.",
    "export": "Write a trained model as a TensorFlow SavedModel (or ONNX) that runs without TFLearn and catscan.",
    "evaluate": "Score the out-of-fold predictions: metrics with intervals, calibration, figures, galleries.",
    "submission": "Blend, calibrate and clip the predictions, write the submission and check it row by row.",
    "explain": "Open one network of the best model that learnt from scratch, and show what it does with a few samples.",
    "report": "Put all competitions into one self-contained page.",
    "submit": "Upload a checked submission to Kaggle and show its score beside the expected one.",
    "notebook": "Write a Kaggle notebook that predicts hidden test samples by the trained networks, without internet.",
    "look": "Draw one sample: as it is read, as the network gets it, where that looks, what each network says of it.",
    "runs": "Print the runs of each competition, and in which settings two of them differ.",
    "why": "Tell why jobs would run: which setting, function or file has changed, root causes first.",
    "cache": "List, verify or prune the results that are kept in the store.",
    "cluster": "Cancel the jobs that a killed run has left in SLURM, wait until they are gone, and lift its locks.",
    "clean": "List results that no config of this folder names any more, or remove them.",
    "doctor": "Check the machine, the credentials and the competition before a byte is fetched.",
}
BESIDE = {
    "look": "catscan.look",
    "runs": "catscan.flow.runs",
    "why": "catscan.flow.why",
    "cache": "catscan.flow.cache",
    "cluster": "catscan.flow.cluster",
    "clean": "catscan.flow.clean",
    "doctor": "catscan.doctor",
}  # commands that are no stage, and their modules


def module_of(command: str) -> str:
    """The dotted name of a command's module: a stage, or what stands beside the stages."""
    return BESIDE.get(command, f"catscan.stages.{command}")


def parser_of(command: str | None) -> argparse.ArgumentParser:
    """The parser with all commands named, of which only ``command`` has its module imported."""
    parser = argparse.ArgumentParser(
        prog="catscan",
        description="From a Kaggle image competition (pictures or CT scans) to a submission file. "
        "`snakemake --cores 8` runs all stages in order; each stage is one command.",
    )
    parser.add_argument("--version", action="version", version=f"catscan {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="STAGE", required=True)
    for name, help_line in COMMANDS.items():
        stage = commands.add_parser(name, help=help_line, description=help_line, epilog=_in_the_workflow(name))
        if name == command:
            module = importlib.import_module(module_of(name))
            module.register(stage)
            stage.add_argument("--job", default="", help="a name to put before every line that is printed")
            stage.set_defaults(run=module.run)
    return parser


def _in_the_workflow(command: str) -> str:
    """How a stage is run with all that it needs; "" for what is no stage of the flow."""
    if command in BESIDE or command == "export":
        return ""
    return f"In the workflow, with all that it needs and its arguments filled in: ./run snakemake --cores 8 {command}"


def main(arguments: list[str] | None = None) -> int:
    """Run one stage.

    Returns
    -------
    int
        0; 2 for what a user can correct, of which training has two of its own: 3 when the loss is no longer finite, 4
        when a batch does not fit the memory; 75 for "try again"; 128 plus the signal's number when stopped by one.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if "OMP_NUM_THREADS" in os.environ:  # Snakemake tells NumPy so how many threads the job has; OpenCV reads another
        os.environ.setdefault("OPENCV_FOR_THREADS_NUM", os.environ["OMP_NUM_THREADS"])
    command = next((word for word in arguments if not word.startswith("-")), None)
    job = ""
    if command is not None and command not in COMMANDS:
        unknown = CatscanError(
            f"There is no command {command!r}.",
            where="command line",
            do=f"{did_you_mean(command, list(COMMANDS))} ./run catscan --help tells what each does.",
        )
        print(f"catscan: {unknown}", file=sys.stderr)
        return unknown.exit_code
    try:
        parsed = parser_of(command).parse_args(arguments)
        job = parsed.job
        signal.signal(signal.SIGTERM, _stop)
        follow(f"catscan {command}")
        speak_for(job)
        parsed.run(parsed)
    except CatscanError as error:
        return _refused(error, command, job)
    except PermissionError as error:  # whichever of the paths that a person names
        where, found = str(error.filename or ""), error.strerror or str(error)
        told = CatscanError("A file or folder may not be used.", where=where, found=found, do="Check its rights.")
        return _refused(told, command, job)
    except KeyboardInterrupt:
        print(f"catscan {command}: stopped.", file=sys.stderr)
        return 128 + signal.SIGINT
    except BrokenPipeError:
        return 128 + signal.SIGPIPE  # nobody listens any more, and the work is not done
    return 0


def _refused(error: CatscanError, command: str | None, job: str) -> int:
    print(f"catscan {command}: {error}" + (f"\n  job    {job}" if job else ""), file=sys.stderr)
    return error.exit_code


def _stop(number: int, frame: FrameType | None) -> None:
    del frame
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
