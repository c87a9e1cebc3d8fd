"""Explain.

Required inputs: all trained models, evaluation/metrics.json, index.csv, index.json, the test predictions of all models
and folds and the test CSVs of foreign members, submission.csv, the arrays of all shards with their sidecars, and the
raw files, which are read again where a model learnt from features.
Output: explanation.json, one network opened and what it does with a few samples, for the report.
Reads of the config: the names in blend; the models and the evaluation say the rest.
"""


rule explain_network:
    """Open one network of the best model that learnt from scratch, and show what it does with a few samples."""
    input:
        manifest=rules.download_files.output.manifest,
        packed=rules.download_files.output.packed,
        index=rules.index_samples.output.index,
        summary=rules.index_samples.output.summary,
        metrics=rules.evaluate_folds.output.metrics,
        weights=per_fold(rules.train_fold.output.weights),
        models=per_fold(rules.train_fold.output.model),
        out_of_fold=per_fold(rules.train_fold.output.out_of_fold),
        epochs=per_fold(rules.train_fold.output.epochs),
        predictions=per_fold(rules.predict_test.output.predictions),
        foreign=foreign("test"),
        submission=rules.write_submission.output.submission,
        train=lambda wildcards: all_arrays_of(wildcards.competition, "train"),
        test=lambda wildcards: all_arrays_of(wildcards.competition, "test"),
        sidecars=lambda wildcards: all_arrays_of(
            wildcards.competition, "train", "test", ending="json"
        ),
    output:
        explanation="results/{competition}/explanation.json",
    log:
        "results/{competition}/logs/explain.log",
    benchmark:
        "results/{competition}/benchmarks/explain.tsv"
    threads: lambda wildcards: of(wildcards)["train"]["threads"]
    resources:
        gpu=lambda wildcards: gpus.wanted(of(wildcards)["train"]["device"], GPUS),
        device=lambda wildcards: of(wildcards)["train"]["device"],
    params:
        stage=stage_strings.explain(),
        names=models_per_fold,
        members=lambda wildcards: [member["name"] for member in of(wildcards)["blend"]],
    message:
        "explain {wildcards.competition}"
    shell:
        """
        catscan explain \
            --job "{wildcards.competition}" \
            --models "$(dirname {output.explanation:q})/models" \
            --raw "$(dirname {input.manifest:q})" \
            --index {input.index:q} \
            --train {input.train:q} \
            --test {input.test:q} \
            --predictions {input.predictions:q} \
            --names {params.names:q} \
            --foreign {input.foreign:q} \
            --members {params.members:q} \
            --submission {input.submission:q} \
            --out {output.explanation:q} \
            --device {resources.device:q} 2>&1 | tee -i {log:q}
        """


rule explain:
    """The opened network of every competition of `run`."""
    input:
        every(rules.explain_network.output, competition=RUN),
