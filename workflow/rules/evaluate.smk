"""Evaluate.

Required inputs: index.csv, index.json, the out-of-fold predictions and the history of every model and fold, the arrays of
the training shards (for the galleries), the out-of-fold CSVs of foreign members, the raw folder's table of labels.
Outputs: evaluation/metrics.json (scores with intervals, the calibration that the submission uses), out-of-fold.csv (the
models' blend), suspects.csv (labels that are likely wrong), and what the report shows: galleries.json, findings.json and
the figures.
Reads of the config: metric, metric_weights, metric_positive_weight, blend, data.labels.
"""


rule evaluate_folds:
    """Score the out-of-fold predictions and draw the figures."""
    input:
        manifest=rules.download_files.output.manifest,
        packed=rules.download_files.output.packed,
        index=rules.index_samples.output.index,
        summary=rules.index_samples.output.summary,
        out_of_fold=per_fold(rules.train_fold.output.out_of_fold),
        histories=per_fold(rules.train_fold.output.history),
        foreign=foreign("out_of_fold"),
        arrays=lambda wildcards: arrays_of(wildcards.competition, "train"),
        sidecars=lambda wildcards: arrays_of(wildcards.competition, "train", ending="json"),
    output:
        metrics="results/{competition}/evaluation/metrics.json",
        out_of_fold="results/{competition}/evaluation/out-of-fold.csv",
        galleries="results/{competition}/evaluation/galleries.json",
        findings="results/{competition}/evaluation/findings.json",
        suspects="results/{competition}/evaluation/suspects.csv",
        figures=report(
            multiext(
                "results/{competition}/evaluation/",
                "learning-curves.svg",
                "calibration.svg",
                "answers.svg",
                "curves.svg",
            ),
            caption="../report/evaluation.rst",
            category="{competition}",
            subcategory="evaluation",
        ),
    log:
        "results/{competition}/logs/evaluate.log",
    benchmark:
        "results/{competition}/benchmarks/evaluate.tsv"
    params:
        stage=lambda wildcards: stage_strings.evaluate(of(wildcards)),
        models=models_per_fold,
        folds=folds_per_fold,
    message:
        "evaluate {wildcards.competition}"
    shell:
        """
        catscan evaluate \
            --job "{wildcards.competition}" \
            --settings {params.stage:q} \
            --index {input.index:q} \
            --summary {input.summary:q} \
            --predictions {input.out_of_fold:q} \
            --history {input.histories:q} \
            --models {params.models:q} \
            --folds {params.folds:q} \
            --foreign {input.foreign:q} \
            --arrays {input.arrays:q} \
            --raw "$(dirname {input.manifest:q})" \
            --out "$(dirname {output.metrics:q})" 2>&1 | tee -i {log:q}
        """


rule evaluate:
    """The evaluation of every competition of `run`."""
    input:
        every(rules.evaluate_folds.output, competition=RUN),
