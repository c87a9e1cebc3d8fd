"""Tables of what the out-of-fold predictions show beyond their scores."""

from __future__ import annotations

from catscan.common.contracts.findings import Findings
from catscan.common.contracts.metrics import Estimate

CLASSES_SHOWN = 50


def thresholds_table(findings: Findings) -> list[list[str]]:
    """Why, threshold, sensitivity, specificity, precision."""
    return [
        [
            one.why,
            f"{one.threshold:.4f}",
            _share(one.sensitivity),
            _share(one.specificity),
            "–" if one.precision is None else f"{100 * one.precision:.1f} %",
        ]
        for one in findings.thresholds
    ]


def classes_table(findings: Findings) -> list[list[str]]:
    """Class, samples, sensitivity, specificity, AUC, average precision; those that are found least first."""
    least = sorted(findings.classes.items(), key=lambda item: item[1].sensitivity.value)[:CLASSES_SHOWN]
    return [
        [
            name,
            f"{one.n:,}",
            _share(one.sensitivity),
            _share(one.specificity),
            *map(_number, (one.auc, one.average_precision)),
        ]
        for name, one in least
    ]


def parts_table(findings: Findings, loss: str) -> dict[str, list[list[str]] | list[str]]:
    """Column, value, samples, loss with its interval, and whether that leaves out the loss of all."""
    rows = [
        [
            one.column,
            one.value or "(empty)",
            f"{one.n:,}",
            f"{one.loss.value:.4f} ({one.loss.interval[0]:.4f} to {one.loss.interval[1]:.4f})",
            "stands apart" if one.apart else "",
        ]
        for one in findings.parts
    ]
    return {"columns": ["column", "value", "samples", f"{loss} (95 %)", ""], "rows": rows}


def _share(share: Estimate) -> str:
    low, high = share.interval
    return f"{100 * share.value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
