"""Report.

Required inputs: what the stages wrote about every competition of `run`.
Output: results/report.html, one self-contained page.
"""


rule render_report:
    """Put all competitions into one self-contained page."""
    input:
        summaries=expand(rules.index_samples.output.summary, competition=RUN),
        arrays=[arrays_of(competition, "train", "test") for competition in RUN],
        sidecars=[arrays_of(competition, "train", "test", ending="json") for competition in RUN],
        metrics=expand(rules.evaluate_folds.output.metrics, competition=RUN),
        checks=expand(rules.write_submission.output.check, competition=RUN),
        explanations=expand(rules.explain_network.output.explanation, competition=RUN),
    output:
        report=report(
            "results/report.html", caption="../report/page.rst", category="all competitions"
        ),
    log:
        "results/logs/report.log",
    benchmark:
        "results/benchmarks/report.tsv"
    localrule: True
    params:
        stage=stage_strings.report(config),
    message:
        "report"
    shell:
        """
        catscan report \
            --settings {params.stage:q} \
            --results results \
            --out {output.report:q} 2>&1 | tee -i {log:q}
        """


rule report:
    """The report of all competitions of `run`."""
    input:
        rules.render_report.output.report,
