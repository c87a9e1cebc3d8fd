"""catscan: from a Kaggle image competition (pictures or CT scans) to a submission file.

The flow is in workflow/rules/, one file a stage, in the order of the `include`s below; docs/architecture.md is its map.
"""

from pathlib import Path

from snakemake.utils import min_version

from catscan.flow import config_files, terminal

min_version("9.27")
# Not `workflow.basedir`: who uses this workflow as a module has a folder, config files and words of their own.
HERE = Path(workflow.current_basedir)
CONFIG = HERE / "config" / "config.yaml"
if workflow.modifier.is_main_snakefile():
    terminal.speak()
    config_files.check([CONFIG, *workflow.configfiles])


configfile: CONFIG


# The jobs call the `catscan` of the environment that `./run` made; this names the bare system it can be made on. Only
# `--sdm apptainer` and `--lint` read it.
container: "docker://python:3.12-slim"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/download.smk"
include: "workflow/rules/index.smk"
include: "workflow/rules/preprocess.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/predict.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/submission.smk"
include: "workflow/rules/explain.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/submit.smk"
include: "workflow/rules/notebook.smk"


rule all:
    """A checked submission for every competition of `run`, and the report."""
    default_target: True
    input:
        rules.submission.input,
        rules.report.input,


onstart:
    terminal.WORDS.begin(Path("results"))


onsuccess:
    terminal.WORDS.end()
    FROM_STORE.sum_up()
    closing.end(config, Path("results"), HERE)
    clean.tell(config)
    remote.tell(workflow)


onerror:
    terminal.WORDS.end()
    FROM_STORE.sum_up()
    closing.failure(terminal.WORDS.logs, Path.cwd())
