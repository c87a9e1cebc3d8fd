"""Features.

Required inputs: index.csv, the raw files, and of a user's own pretrained network the file of its weights.
Outputs: for each pretrained network that a model learns from one float32 array a shard, and its sidecar (ids, bad and
odd samples with reasons, settings, the digest of the weights). A stopped job goes on from hidden parts beside them.
Reads of the config: the features of the models, data.kind, the reader's block of preprocess, preprocess.on_bad,
preprocess.tolerated_share, train.precision, train.threads.
"""


rule features_of_shard:
    """Look at the samples of one shard with a pretrained network, once."""
    input:
        manifest=rules.download_files.output.manifest,
        packed=rules.download_files.output.packed,
        index=rules.index_samples.output.index,
        own=own_weights,
    output:
        array="results/{competition}/features{reading}/{network}/{split}-{shard}-of-{shards}.npy",
        sidecar="results/{competition}/features{reading}/{network}/{split}-{shard}-of-{shards}.json",
    log:
        "results/{competition}/logs/features{reading}-{network}-{split}-{shard}-of-{shards}.log",
    benchmark:
        "results/{competition}/benchmarks/features{reading}-{network}-{split}-{shard}-of-{shards}.tsv"
    threads: lambda wildcards: of(wildcards)["train"]["threads"]
    resources:
        bad_samples=lambda wildcards: stage_strings.bad_samples(of(wildcards)),
        gpu=lambda wildcards: gpus.wanted(of(wildcards)["train"]["device"], GPUS),
        device=lambda wildcards: of(wildcards)["train"]["device"],
    params:
        stage=lambda wildcards: stage_strings.features(
            of(wildcards), wildcards.network, wildcards.reading
        ),
    message:
        "features {wildcards.competition}{wildcards.reading}: {wildcards.network}, {wildcards.split} shard {wildcards.shard} of {wildcards.shards}"
    shell:
        """
        catscan features \
            --job "{wildcards.competition} {wildcards.network} {wildcards.split} {wildcards.shard} of {wildcards.shards}" \
            --settings {params.stage:q} \
            --raw "$(dirname {input.manifest:q})" \
            --index {input.index:q} \
            --split {wildcards.split:q} \
            --shard {wildcards.shard:q} \
            --weights {input.own:q} \
            --bad-samples {resources.bad_samples:q} \
            --array {output.array:q} \
            --device {resources.device:q} 2>&1 | tee -i {log:q}
        """


rule features:
    """The features that the models of every competition of `run` learn from."""
    input:
        [features_of(competition) for competition in RUN],
