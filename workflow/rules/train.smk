"""Train.

Required inputs: index.csv, index.json and all training shards with their sidecars, of arrays or of features.
Outputs: for each model and fold its weights, its description (model.json), its history, one row an epoch, its
predictions of the fold that it never saw, and what it knew after some of its epochs. Checkpoints lie beside them in
checkpoint/, so that a stopped training goes on.
Reads of the config: the model's block, train.precision, train.threads, predict, metric, metric_weights,
metric_positive_weight.
"""


rule train_fold:
    """Train one network on all folds but one, and predict the one held out."""
    input:
        index=rules.index_samples.output.index,
        summary=rules.index_samples.output.summary,
        arrays=learnt_from("train"),
        sidecars=learnt_from("train", ending="json"),
    output:
        weights="results/{competition}/models/{model}/fold-{fold}/weights.npz",
        model="results/{competition}/models/{model}/fold-{fold}/model.json",
        history="results/{competition}/models/{model}/fold-{fold}/history.csv",
        out_of_fold="results/{competition}/models/{model}/fold-{fold}/out-of-fold.csv",
        epochs="results/{competition}/models/{model}/fold-{fold}/epochs.npz",
    log:
        "results/{competition}/logs/train-{model}-fold-{fold}.log",
    benchmark:
        "results/{competition}/benchmarks/train-{model}-fold-{fold}.tsv"
    threads: lambda wildcards: of(wildcards)["train"]["threads"]
    resources:
        gpu=lambda wildcards: gpus.wanted(of(wildcards)["train"]["device"], GPUS),
        device=lambda wildcards: of(wildcards)["train"]["device"],
    params:
        stage=lambda wildcards: stage_strings.train(of(wildcards), wildcards.model),
    message:
        "train {wildcards.competition}: model {wildcards.model}, all folds but {wildcards.fold}"
    shell:
        """
        catscan train \
            --job "{wildcards.competition} {wildcards.model} fold {wildcards.fold}" \
            --settings {params.stage:q} \
            --index {input.index:q} \
            --summary {input.summary:q} \
            --arrays {input.arrays:q} \
            --fold {wildcards.fold:q} \
            --out "$(dirname {output.weights:q})" \
            --device {resources.device:q} 2>&1 | tee -i {log:q}
        """


rule train:
    """All models of every competition of `run`."""
    input:
        [per_fold_of(competition, rules.train_fold.output) for competition in RUN],
