"""`catscan why` names the true cause of each job that would run, and what follows is folded."""

import subprocess

import forked_snakemake


def asked(project) -> subprocess.CompletedProcess[str]:
    arguments = ["why", "--configfile", *map(str, project.overlays)]
    return forked_snakemake.run(arguments, project.home, project.environment, module="catscan")


def why(project) -> str:
    done = asked(project)
    assert done.returncode == 0, done.stderr
    return done.stdout


def cats(block: str) -> str:
    return f"competitions: {{dogs-vs-cats: {block}}}\n"


def test_of_results_of_today_it_says_so(project) -> None:
    assert why(project) == "Nothing would run: every result is of today's settings, code and inputs.\n"


def test_a_setting_is_told_with_both_values_and_what_follows(project) -> None:
    project.overlay(cats("{models: {resnet: {learning_rate: 0.0005}}}"))
    cause, jobs, follows, cost = why(project).splitlines()

    assert cause.startswith("learning_rate: ")
    assert cause.endswith(" -> 0.0005")
    assert jobs == "    runs train dogs-vs-cats resnet (2 jobs)"
    assert follows == "and what follows: predict 2, evaluate 1, submission 1, explain 1, report 1"
    assert cost.startswith("8 jobs; by the times of their last run ")


def test_code_is_told_by_its_file_and_function(project) -> None:
    new = "from __future__ import annotations\ndef new() -> None: ..."
    project.edit("src/catscan/stages/report/costs.py", lambda text: text.replace(new.splitlines()[0], new, 1))
    project.edit("src/catscan/stages/submission/fill.py", lambda text: text.replace(new.splitlines()[0], new, 1))
    told = why(project)

    assert "code: stages/submission/fill.py: new\n    runs submission ct-scans, submission dogs-vs-cats\n" in told
    assert "code: stages/report/costs.py: new\n    runs report\n" in told


def test_a_deleted_result_and_an_edited_input_are_told(project) -> None:
    (project.home / "results" / "dogs-vs-cats" / "submission.csv").unlink()
    metrics = project.home / "results" / "ct-scans" / "evaluation" / "metrics.json"
    metrics.write_text(metrics.read_text() + "\n")
    told = why(project)

    assert "results/dogs-vs-cats/submission.csv was deleted\n    runs submission dogs-vs-cats" in told
    assert "results/ct-scans/evaluation/metrics.json is another file than the one it was made from" in told


def test_a_wrong_config_is_refused_as_in_a_run(project) -> None:
    project.overlay(cats("{modles: {}}"))
    done = asked(project)

    assert done.returncode == 2
    assert 'Did you mean "models"?' in done.stderr
    assert done.stdout == ""
