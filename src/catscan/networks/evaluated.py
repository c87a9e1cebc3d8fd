"""All trained networks of a competition, as its evaluation names them: those whose answers the submission blends."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from catscan.common.contracts.metrics import Metrics
from catscan.common.contracts.model import Model
from catscan.common.contracts.summary import Summary
from catscan.common.errors import CatscanError, listed
from catscan.common.files import spelt_out
from catscan.networks.model import DESCRIPTION, read_model

METRICS = Path("evaluation") / "metrics.json"
ALIKE = ("classes", "task", "kind", "flips")  # of all networks whose answers are blended
# Of those that learnt from the samples themselves, or from the same features, at the same point of a sweep.
READ_ALIKE = ("reader", "sample_shape")


@dataclass(frozen=True)
class Evaluated:
    """The networks of one competition, and what is known of them together.

    Attributes
    ----------
    folders
        By the name of the model, the folder of each of its folds; of those whose answers are blended.
    described
        By its folder, what each of them is.
    metrics, summary
        The competition's evaluation and its index.
    left_out
        Folders of networks that the evaluation does not name.
    """

    folders: dict[str, list[Path]]
    described: dict[Path, Model]
    metrics: Metrics
    summary: Summary
    left_out: list[Path]


def holds_models(folder: Path) -> bool:
    """Whether this is the folder of all models of a competition, each in the folders of its folds."""
    return any(folder.glob(f"*/fold-*/{DESCRIPTION}"))


def evaluation_beside(models: Path) -> tuple[Metrics, Summary] | None:
    """The evaluation and the index beside ``models``; None where nothing was evaluated.

    Raises
    ------
    CatscanError
        When one of the two files is not as its stage writes it.
    """
    competition = spelt_out(models).parent
    if not (competition / METRICS).is_file():
        return None
    return Metrics.read(competition / METRICS), Summary.read(competition / "index.json")


def read_evaluated(models: Path, *, with_foreign: bool = False) -> Evaluated:
    """Read what the evaluation beside ``models``, the folder of all models of a competition, says of them.

    Parameters
    ----------
    with_foreign
        Whether the blend may have foreign members: the caller knows their predictions.

    Raises
    ------
    CatscanError
        When they were not evaluated, one that was is missing, or they do not go together.
    """
    there = sorted(found.parent for found in models.glob(f"*/fold-*/{DESCRIPTION}"))
    evaluation = evaluation_beside(models)
    if evaluation is None:
        raise CatscanError(
            "These networks were not evaluated, so nothing says how to calibrate what they answer together.",
            where=str(spelt_out(models).parent / METRICS),
            found="no such file",
            do=f"Run the evaluate stage, or name one network alone: {there[0]}",
        )
    metrics, summary = evaluation
    if len(metrics.trained) < len(metrics.models) and not with_foreign:
        foreign = [name for name in metrics.models if name not in metrics.trained]
        raise CatscanError(
            "The submission blends foreign members, of which only the predictions are known.",
            where=str(spelt_out(models).parent / METRICS),
            found=listed(foreign),
            do=f"Name one network alone: {there[0]}",
        )
    evaluated = {
        name: [models / name / f"fold-{fold.fold}" for fold in scores.folds] for name, scores in metrics.trained.items()
    }
    folders = {name: folds for name, folds in evaluated.items() if name in metrics.blended}
    described = {folder: read_model(folder) for folds in folders.values() for folder in folds}
    _check_alike(described, metrics, summary)
    known = {folder for folds in evaluated.values() for folder in folds}
    return Evaluated(folders, described, metrics, summary, [folder for folder in there if folder not in known])


def _check_alike(described: dict[Path, Model], metrics: Metrics, summary: Summary) -> None:
    """Refuse networks of other samples or classes, or that index and evaluation do not speak of."""
    first, *others = described
    wanted = {name: getattr(described[first], name) for name in ALIKE}
    wanted |= {"classes": summary.classes, "task": summary.task, "kind": summary.kind}
    points = metrics.sweep.points if metrics.sweep else ()
    point_of = {name: tuple(point.values.items()) for point in points for name in point.models}
    read: dict[tuple[object, ...], Model] = {}
    for folder in (first, *others):
        model = described[folder]
        like = read.setdefault((model.features, point_of.get(folder.parent.name)), model)
        unlike = [name for name in ALIKE if getattr(model, name) != wanted[name]]
        unlike += [name for name in READ_ALIKE if getattr(model, name) != getattr(like, name)]
        if unlike or len(metrics.odds) != len(summary.classes):
            raise CatscanError(
                "The networks, the index and the evaluation of this competition are of different runs.",
                where=str(folder),
                found=f"{listed(unlike)} of its model.json unlike the others" if unlike else "odds of other classes",
                do="Run the workflow again: it makes anew what is out of date.",
            )
