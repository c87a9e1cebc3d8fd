"""What is shown of Snakemake's records."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catscan.common.errors import CatscanError
from catscan.common.progress import HOW_FAR
from catscan.flow.terminal import LOGGER, Words, speak


def record(text: str = "", **values: Any) -> logging.LogRecord:
    made = logging.LogRecord(LOGGER, logging.INFO, "", 0, text, None, None)
    made.__dict__.update(values)
    return made


def job_error(**values: Any) -> logging.LogRecord:
    facts = {"jobid": 1, "rule_name": "index_samples", "log": ["results/mine/logs/index.log"]}
    return record("Error in rule", event="job_error", shellcmd="catscan index --settings '{...}'", **facts | values)


@pytest.fixture
def words() -> Words:
    return Words()


@pytest.fixture
def verbose() -> Iterator[None]:
    logger = logging.getLogger(LOGGER)
    before = logger.level
    logger.setLevel(logging.DEBUG)
    yield
    logger.setLevel(before)


def test_a_failed_job_is_its_message_and_its_log(words: Words) -> None:
    failed = job_error()
    words.filter(record(event="job_info", jobid=1, rule_msg="index mine", rule_name="index_samples"))

    assert words.filter(failed)
    assert failed.msg == "Job 1 failed: index mine\n    log: results/mine/logs/index.log"
    assert failed.event is None  # Snakemake's formatter would print the shell command


def test_the_logs_of_failed_jobs_are_kept_once_each(words: Words) -> None:
    for log in ("a.log", "b.log", "a.log"):  # a job that is tried again fails twice
        words.filter(job_error(log=[log]))

    assert words.logs == ["a.log", "b.log"]


@pytest.mark.usefixtures("verbose")
def test_verbose_leaves_all_as_snakemake_says_it(words: Words) -> None:
    failed = job_error()

    assert words.filter(failed)
    assert failed.event == "job_error"
    assert words.filter(record("Select jobs to execute..."))
    assert words.logs == ["results/mine/logs/index.log"]


@pytest.mark.parametrize(
    "text",
    [
        "Select jobs to execute...",
        "Execute 12 jobs...",
        "Exiting because a job execution failed. Look above for error messages",
        'Provided resources: gpu=Resource("gpu", 0)',
    ],
)
def test_what_tells_nothing_is_not_shown(words: Words, text: str) -> None:
    assert not words.filter(record(text))


@pytest.mark.parametrize("text", ["Building DAG of jobs...", "Nothing to be done.", None], ids=str)
def test_the_rest_is_shown(words: Words, text: Any) -> None:
    assert words.filter(record(text))


def error_of(words: Words, error: Exception) -> tuple[bool, str]:
    """What is shown of an exception that Snakemake prints while it handles it, as it does."""
    told = record(f"{type(error).__name__}:\n{error}", event="error", exception=type(error).__name__)
    try:
        raise error
    except Exception:
        return words.filter(told), told.msg


def test_a_refusal_is_shown_as_a_block(words: Words) -> None:
    refusal = CatscanError("The config has an unknown key.", where="config key a")

    assert error_of(words, refusal) == (True, f"catscan: {refusal}")
    assert words.refusal is refusal


def test_the_failure_of_a_job_is_not_told_twice(words: Words) -> None:
    command = "CalledProcessError in file index.smk, line 26:\nCommand 'catscan index --settings ...'"

    assert not error_of(words, RuntimeError(command))[0]
    assert not error_of(words, RuntimeError("At least one job did not complete successfully."))[0]
    assert words.refusal is None


def test_an_unforeseen_exception_keeps_its_words(words: Words) -> None:
    assert error_of(words, RuntimeError("a bug")) == (True, "RuntimeError:\na bug")


def test_speaking_twice_changes_a_record_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.excepthook", None)
    monkeypatch.setattr(logging, "raiseExceptions", True)
    logger = logging.getLogger(LOGGER)
    monkeypatch.setattr(logger, "filters", [])
    speak()
    speak()

    assert len(logger.filters) == 1


class TestARun:
    """From the first job on: a line a job that is done, with the time left."""

    @pytest.fixture
    def begun(self, words: Words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Words:
        monkeypatch.setenv(HOW_FAR, "")
        words.filter(record("Job stats", event="run_info", stats={"index_samples": 1, "train_fold": 1, "total": 2}))
        words.begin(tmp_path)
        time = words._time
        assert time is not None
        time.clock = lambda: time.began  # no time goes by, however busy the machine is
        return words

    @staticmethod
    def info(**values: Any) -> logging.LogRecord:
        return record(
            "", event="job_info", **{"jobid": 1, "rule_msg": "index mine", "rule_name": "index_samples"} | values
        )

    def test_a_job_that_begins_speaks_for_itself(self, begun: Words) -> None:
        assert not begun.filter(self.info())

    def test_a_job_that_is_done_is_one_line(self, begun: Words) -> None:
        begun.filter(self.info())
        done = record("Finished jobid: 1", event="job_finished", job_id=1)

        assert begun.filter(done)
        assert done.msg.startswith("done: index mine (0 s); 1 of 2 jobs")
        assert done.event is None
        assert not begun.filter(record("1 of 2 steps", event="progress", done=1, total=2))

    def test_a_job_that_came_back_from_the_store_says_so(self, begun: Words) -> None:
        begun.filter(self.info())
        begun.came_back.add(1)
        done = record("Finished jobid: 1", event="job_finished", job_id=1)

        assert begun.filter(done)
        assert done.msg.startswith("done: index mine (from the store); 1 of 2 jobs")

    def test_that_all_targets_are_there_is_not_told(self, begun: Words) -> None:
        begun.filter(self.info(rule_name="all", rule_msg=None))

        assert not begun.filter(record("Finished jobid: 1", event="job_finished", job_id=1))

    @pytest.mark.usefixtures("verbose")
    def test_verbose_shows_jobs_as_snakemake_does(self, begun: Words) -> None:
        assert begun.filter(self.info())
        done = record("Finished jobid: 1", event="job_finished", job_id=1)

        assert begun.filter(done)
        assert done.msg == "Finished jobid: 1"

    def test_a_plan_shows_its_jobs(self, words: Words) -> None:
        assert words.filter(self.info())


def test_a_run_with_nothing_to_do_says_what_there_is(words: Words) -> None:
    shown: list[str] = []
    words.at_rest = lambda: shown.append("the box")

    assert words.filter(record("Nothing to be done (all requested files are present and up to date)."))
    assert shown == ["the box"]
