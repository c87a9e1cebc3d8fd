"""Submit: only on request, never part of the default run.

Required inputs: a checked submission, the raw files' manifest.
Output: submitted.json, with the score that Kaggle gave beside the expected one.
Reads of the config: source.competition, submission.kind.
"""


rule submit_submission:
    """Upload a checked submission to Kaggle and show its score beside the expected one."""
    input:
        manifest=rules.download_files.output.manifest,
        submission=rules.write_submission.output.submission,
        check=rules.write_submission.output.check,
    output:
        submitted="results/{competition}/submitted.json",
    log:
        "results/{competition}/logs/submit.log",
    localrule: True
    params:
        stage=lambda wildcards: stage_strings.submit(of(wildcards)),
    message:
        "submit {wildcards.competition}"
    shell:
        """
        catscan submit \
            --job "{wildcards.competition}" \
            --settings {params.stage:q} \
            --raw "$(dirname {input.manifest:q})" \
            --submission {input.submission:q} \
            --check {input.check:q} \
            --out {output.submitted:q} 2>&1 | tee -i {log:q}
        """


rule submit:
    """Upload the submission of every competition of `run`."""
    input:
        every(rules.submit_submission.output.submitted, competition=RUN),
