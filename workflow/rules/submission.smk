"""Submission.

Required inputs: the test predictions of all models and folds, evaluation/metrics.json (temperature, clip, odds) and
out-of-fold.csv, index.csv, index.json, the sample submission among the raw files; truth/solution.csv where it exists; the test CSVs of
foreign members.
Outputs: submission.csv, and submission.json, what was checked: rows, ids without a prediction, expected and true score.
Reads of the config: submission, metric, blend.
"""


rule write_submission:
    """Blend, calibrate and clip the predictions, write the submission and check it row by row."""
    input:
        manifest=rules.download_files.output.manifest,
        packed=rules.download_files.output.packed,
        index=rules.index_samples.output.index,
        summary=rules.index_samples.output.summary,
        metrics=rules.evaluate_folds.output.metrics,
        out_of_fold=rules.evaluate_folds.output.out_of_fold,
        predictions=per_fold(rules.predict_test.output.predictions),
        foreign=foreign("test"),
    output:
        submission=report(
            "results/{competition}/submission.csv",
            caption="../report/submission.rst",
            category="{competition}",
            subcategory="submission",
        ),
        check="results/{competition}/submission.json",
    log:
        "results/{competition}/logs/submission.log",
    benchmark:
        "results/{competition}/benchmarks/submission.tsv"
    localrule: True
    params:
        stage=lambda wildcards: stage_strings.submission(of(wildcards)),
        models=models_per_fold,
    message:
        "submission {wildcards.competition}"
    shell:
        """
        catscan submission \
            --job "{wildcards.competition}" \
            --settings {params.stage:q} \
            --raw "$(dirname {input.manifest:q})" \
            --truth "$(dirname {input.manifest:q})/../truth/solution.csv" \
            --index {input.index:q} \
            --summary {input.summary:q} \
            --metrics {input.metrics:q} \
            --out-of-fold {input.out_of_fold:q} \
            --predictions {input.predictions:q} \
            --models {params.models:q} \
            --foreign {input.foreign:q} \
            --out {output.submission:q} \
            --check {output.check:q} 2>&1 | tee -i {log:q}
        """


rule submission:
    """The submission of every competition of `run`."""
    input:
        every(rules.write_submission.output, competition=RUN),
