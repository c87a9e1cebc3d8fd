"""What Snakemake refuses, in catscan's words."""

import errno
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake.exceptions import CliException, MissingRuleException, ProtectedOutputException, WorkflowError

from catscan.common.errors import CatscanError
from catscan.flow.refusals import explained, targets, without_plugin


def block(error: BaseException) -> CatscanError:
    told = explained(error)
    assert told is not None
    return told


@pytest.mark.parametrize(
    ("name", "do"),
    [
        ("trian", 'Did you mean "train"?'),
        ("xyz", f"Known: {', '.join(sorted(targets()))}."),
        (
            "results/dogs/none.csv",
            "results/README.md tells of every file, in a folder named as the competition is in the config.",
        ),
    ],
    ids=["misspelt", "unknown", "file"],
)
def test_an_unknown_target_is_told_with_what_can_be_made(name: str, do: str) -> None:
    error = block(MissingRuleException(name))

    assert (error.what, error.found, error.do) == ("Nothing makes this target.", repr(name), do)


def test_write_protected_results_are_told_by_their_names() -> None:
    rule = SimpleNamespace(name="train_fold", lineno=1, snakefile="Snakefile")
    job = SimpleNamespace(rule=rule, output=[], wildcards={})
    error = block(ProtectedOutputException(job, ["results/a/weights.npz", "results/a/model.json"]))

    assert error.what == "Results that would be made anew are write-protected."
    assert error.where == "results/a/weights.npz, results/a/model.json"


def test_the_targets_are_the_stages() -> None:
    assert {"all", "download", "train", "submit"} < set(targets())
    assert "common" not in targets()


@pytest.mark.parametrize(
    ("error", "what", "found"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full.", "No space left on device"),
        (
            PermissionError(errno.EACCES, "Permission denied", "/data/.snakemake"),
            "A file or folder cannot be used.",
            "Permission denied",
        ),
        (OSError(errno.EROFS, "Read-only file system", "results"), "A file or folder cannot be used.", "Read-only"),
    ],
    ids=["full", "rights", "read-only"],
)
def test_a_disk_that_cannot_be_written_is_told(error: OSError, what: str, found: str) -> None:
    told = block(error)

    assert told.what == what
    assert told.where == (error.filename or str(Path.cwd()))
    assert told.found.startswith(found)


@pytest.mark.parametrize(
    ("said", "plugin"),
    [
        ("Error loading Snakemake plugin s3: The package snakemake-storage-plugin-s3 is not installed.", "s3"),
        ("argument --executor/-e: invalid choice: 'kubernetes' (choose from 'local', 'dryrun')", "kubernetes"),
    ],
)
def test_a_plugin_that_is_not_installed_is_told_with_the_word_that_installs_it(said: str, plugin: str) -> None:
    error = without_plugin(said)

    assert error is not None
    assert error.what == f"Snakemake's plugin for {plugin} is not installed."
    assert "CATSCAN_CLOUD=1" in error.do


def test_a_run_without_cores_is_told_how_to_give_them() -> None:
    error = block(CliException("Error: cores have to be specified for local execution (use --cores N ...)"))

    assert (error.what, error.do) == (
        "How many cores may be used is not said.",
        "./run snakemake --cores 8, or --cores all",
    )


def test_catscans_own_block_is_found_inside_what_snakemake_made_of_it() -> None:
    own = CatscanError("The folder is missing.", where="source.path")
    wrapped = WorkflowError("Error in params of rule download_files")
    wrapped.__cause__ = own

    assert explained(wrapped) is own


@pytest.mark.parametrize("error", [WorkflowError("something else"), KeyError("a"), BlockingIOError()], ids=repr)
def test_what_is_none_of_these_stays_as_it_is(error: Exception) -> None:
    assert explained(error) is None
