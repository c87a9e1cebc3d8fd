"""Report.

Required inputs: what the stages wrote about every competition of `run`.
Output: results/report.html, one self-contained page.
"""


rule render_report:
    """Put all competitions into one self-contained page."""
    input:
        summaries=every(rules.index_samples.output.summary, competition=RUN),
        arrays=[arrays_of(competition, "train", "test") for competition in RUN],
        sidecars=[arrays_of(competition, "train", "test", ending="json") for competition in RUN],
        metrics=every(rules.evaluate_folds.output.metrics, competition=RUN),
        checks=every(rules.write_submission.output.check, competition=RUN),
        explanations=every(rules.explain_network.output.explanation, competition=RUN),
        beside=beside(
            [per_fold_of(competition, rules.train_fold.output.model) for competition in RUN],
            [per_fold_of(competition, rules.train_fold.output.history) for competition in RUN],
            every(rules.evaluate_folds.output, competition=RUN),
            every(rules.write_submission.output.submission, competition=RUN),
        ),
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
            --results "$(dirname {output.report:q})" \
            --out {output.report:q} 2>&1 | tee -i {log:q}
        """


rule report:
    """The report of all competitions of `run`."""
    input:
        rules.render_report.output.report,
