"""Download.

Required inputs: none; `source` says where the files come from (generated, a folder, Kaggle).
Outputs: raw/ with the competition's own files, described by raw/manifest.json; truth/solution.csv where the truth of the
test set is known (the generated data's, or `source.solution`), beside raw/ and read by the submission stage alone.
"""


rule download_files:
    """Bring the competition's own files into raw/."""
    output:
        manifest="results/{competition}/raw/manifest.json",
        packed=PACKED,
    log:
        "results/{competition}/logs/download.log",
    benchmark:
        "results/{competition}/benchmarks/download.tsv"
    localrule: True
    threads: 2
    resources:
        source=lambda wildcards: sources.described(of(wildcards)),
    params:
        stage=lambda wildcards: stage_strings.download(of(wildcards)),
    message:
        "download {wildcards.competition}"
    shell:
        """
        catscan download \
            --job "{wildcards.competition}" \
            --settings {params.stage:q} \
            --raw "$(dirname {output.manifest:q})" \
            --truth "$(dirname {output.manifest:q})/../truth" \
            --packed {output.packed:q} \
            --threads {threads} 2>&1 | tee -i {log:q}
        """


rule download:
    """The raw files of every competition of `run`."""
    input:
        every(rules.download_files.output.manifest, competition=RUN),
