"""Preprocess.

Required inputs: index.csv and the raw files.
Outputs: one uint8 array a shard, and its sidecar (ids, bad and odd samples with reasons, settings, geometry), in arrays/;
where a sweep varies how samples are read, once more for each such reading, in a folder beside it (arrays-size-64x64/).
Reads of the config: data.kind, the reader's block of preprocess; preprocess.on_bad and preprocess.tolerated_share, on which
no byte depends.
"""


rule preprocess_shard:
    """Turn the pictures or scans of one shard into one uint8 array."""
    input:
        manifest=rules.download_files.output.manifest,
        packed=rules.download_files.output.packed,
        index=rules.index_samples.output.index,
    output:
        array="results/{competition}/arrays{reading}/{split}-{shard}-of-{shards}.npy",
        sidecar="results/{competition}/arrays{reading}/{split}-{shard}-of-{shards}.json",
    log:
        "results/{competition}/logs/preprocess{reading}-{split}-{shard}-of-{shards}.log",
    benchmark:
        "results/{competition}/benchmarks/preprocess{reading}-{split}-{shard}-of-{shards}.tsv"
    threads: 2
    resources:
        bad_samples=lambda wildcards: stage_strings.bad_samples(of(wildcards)),
    params:
        stage=lambda wildcards: stage_strings.preprocess(of(wildcards), wildcards.reading),
    message:
        "preprocess {wildcards.competition}{wildcards.reading}: {wildcards.split} shard {wildcards.shard} of {wildcards.shards}"
    shell:
        """
        catscan preprocess \
            --job "{wildcards.competition} {wildcards.split} {wildcards.shard} of {wildcards.shards}" \
            --settings {params.stage:q} \
            --raw "$(dirname {input.manifest:q})" \
            --index {input.index:q} \
            --split {wildcards.split:q} \
            --shard {wildcards.shard:q} \
            --bad-samples {resources.bad_samples:q} \
            --array {output.array:q} \
            --threads {threads} 2>&1 | tee -i {log:q}
        """


rule preprocess:
    """The arrays of every competition of `run`."""
    input:
        [all_arrays_of(competition, "train", "test") for competition in RUN],
