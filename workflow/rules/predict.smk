"""Predict.

Required inputs: a trained model and all test shards with their sidecars, of arrays or of features.
Outputs: one row a test sample that could be read, one probability column a class.
Reads of the config: nothing; the model says how it predicts.
"""


rule predict_test:
    """Predict the class probabilities of the test samples."""
    input:
        weights=rules.train_fold.output.weights,
        model=rules.train_fold.output.model,
        arrays=learnt_from("test"),
        sidecars=learnt_from("test", ending="json"),
    output:
        predictions="results/{competition}/predictions/{model}/fold-{fold}.csv",
    log:
        "results/{competition}/logs/predict-{model}-fold-{fold}.log",
    benchmark:
        "results/{competition}/benchmarks/predict-{model}-fold-{fold}.tsv"
    threads: lambda wildcards: of(wildcards)["train"]["threads"]
    resources:
        gpu=lambda wildcards: gpus.wanted(of(wildcards)["train"]["device"], GPUS),
        device=lambda wildcards: of(wildcards)["train"]["device"],
    params:
        stage=stage_strings.predict(),
    message:
        "predict {wildcards.competition}: model {wildcards.model}, fold {wildcards.fold}"
    shell:
        """
        catscan predict \
            --job "{wildcards.competition} {wildcards.model} fold {wildcards.fold}" \
            --model "$(dirname {input.weights:q})" \
            --arrays {input.arrays:q} \
            --out {output.predictions:q} \
            --device {resources.device:q} 2>&1 | tee -i {log:q}
        """


rule predict:
    """The test predictions of every competition of `run`."""
    input:
        [per_fold_of(competition, rules.predict_test.output.predictions) for competition in RUN],
