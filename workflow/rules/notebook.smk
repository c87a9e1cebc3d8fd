"""Notebook: only on request, never part of the default run.

Required inputs: all trained models, evaluation/metrics.json, out-of-fold.csv, index.csv and index.json.
Outputs: catscan.ipynb, which predicts at Kaggle; catscan-models.zip and catscan-packages.zip, to be attached there.
Reads of the config: source.competition, title, and what the stages read that the notebook runs.
"""


rule write_notebook:
    """Write a Kaggle notebook that predicts hidden test samples by the trained networks, without internet."""
    input:
        index=rules.index_samples.output.index,
        summary=rules.index_samples.output.summary,
        weights=per_fold(rules.train_fold.output.weights),
        models=per_fold(rules.train_fold.output.model),
        metrics=rules.evaluate_folds.output.metrics,
        out_of_fold=rules.evaluate_folds.output.out_of_fold,
    output:
        notebook="results/{competition}/notebook/catscan.ipynb",
        models="results/{competition}/notebook/catscan-models.zip",
        packages="results/{competition}/notebook/catscan-packages.zip",
    log:
        "results/{competition}/logs/notebook.log",
    benchmark:
        "results/{competition}/benchmarks/notebook.tsv"
    params:
        stage=lambda wildcards: stage_strings.notebook(of(wildcards)),
    message:
        "notebook {wildcards.competition}"
    shell:
        """
        catscan notebook \
            --job "{wildcards.competition}" \
            --settings {params.stage:q} \
            --models "$(dirname {input.summary:q})/models" \
            --out "$(dirname {output.notebook:q})" 2>&1 | tee -i {log:q}
        """


rule notebook:
    """The notebook of every competition of `run`."""
    input:
        every(rules.write_notebook.output, competition=RUN),
