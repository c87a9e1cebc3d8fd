"""Index.

Required inputs: raw/manifest.json (and the files that it names).
Outputs: index.csv, one row a sample; index.json, the classes, the prior, the counts, duplicates and remarks.
Reads of the config: data, index, submission.sample, submission.id_column; it only compares submission.columns,
submission.value, submission.row_id, submission.rows, the columns of source.solution and the files of blend with what it
found.
"""


rule index_samples:
    """List every sample once: its id, label, split, group, fold and where its bytes are."""
    input:
        manifest=rules.download_files.output.manifest,
        packed=rules.download_files.output.packed,
    output:
        index="results/{competition}/index.csv",
        summary="results/{competition}/index.json",
    log:
        "results/{competition}/logs/index.log",
    benchmark:
        "results/{competition}/benchmarks/index.tsv"
    threads: 2
    resources:
        layout=lambda wildcards: stage_strings.layout(of(wildcards)),
    params:
        stage=lambda wildcards: stage_strings.index(of(wildcards)),
    message:
        "index {wildcards.competition}"
    shell:
        """
        catscan index \
            --job "{wildcards.competition}" \
            --settings {params.stage:q} \
            --layout {resources.layout:q} \
            --raw "$(dirname {input.manifest:q})" \
            --index {output.index:q} \
            --summary {output.summary:q} \
            --threads {threads} 2>&1 | tee -i {log:q}
        """


rule index:
    """The index of every competition of `run`."""
    input:
        every(rules.index_samples.output, competition=RUN),
