"""Draw one sample: as it is read, as the network gets it, where that looks, what each network says of it.

The file is read anew, by the reader and the settings of its competition; what the networks say is what they predicted
in the run: of a training sample the networks that never saw it, of a test sample those of all folds. The heat map is
Grad-CAM of one of them, of the model that the report opens.
"""

from __future__ import annotations

import argparse
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from catscan.common.contracts.sidecar import Sidecar
from catscan.common.contracts.summary import Summary
from catscan.common.errors import BadSample, CatscanError, did_you_mean, listed
from catscan.common.files import whole
from catscan.common.tables import read_table
from catscan.kinds.registry import kind_named
from catscan.kinds.samples import Reading, Sample
from catscan.networks.device import one_device
from catscan.networks.evaluated import METRICS, read_evaluated
from catscan.raw.files import RawFiles
from catscan.scores.predictions import read_predictions
from catscan.stages.explain import opened_first
from catscan.stages.explain.choice import Chosen
from catscan.stages.explain.opening import heats_of
from catscan.stages.explain.samples import Samples, shards_read_for

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LARGE = 256  # pixels, of the sample as it is read
SLICES = 4
Levels = NDArray[np.uint8]


def register(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("id", help="the sample's id, as in index.csv")
    parser.add_argument("--results", type=Path, default=Path("results"), help="the folder of results")
    parser.add_argument("--competition", help="whose sample it is, where several have one of that id")
    parser.add_argument("--out", type=Path, help="the PNG to write; without it, ID.png")


def run(args: argparse.Namespace) -> None:
    """Read the sample, gather what is said of it, draw."""
    folder, row = find(args.results, args.id, args.competition)
    summary = Summary.read(folder / "index.json")
    readings = read(folder, row)
    answers = answers_of(folder, args.id, summary)
    heat = heat_of(folder, row, answers)
    out = args.out or Path(f"{args.id.replace('/', '_')}.png")
    with whole(out) as partial:
        draw(readings, heat, answers, title=f"{args.id} ({row['label'] or row['split']})").savefig(
            partial, format="png", dpi=120
        )
    for remark in next(iter(readings.values())).odd:
        print(f"{args.id}: {remark}")
    for network, told in answers.items():
        print(f"{network}: " + ", ".join(f"{name} {value:.4f}" for name, value in told.items()))
    print(f"wrote {out}")


def find(results: Path, sample_id: str, competition: str | None) -> tuple[Path, dict[str, str]]:
    """The competition's folder and the row of the index.

    Raises
    ------
    CatscanError
        When no sample is called so, or those of several competitions are.
    """
    paths = sorted(results.glob(f"{competition or '*'}/index.csv"))
    tables = {path.parent: read_table(path) for path in paths}
    found = {folder: table[table["sample_id"] == sample_id] for folder, table in tables.items()}
    holding = [folder for folder, rows in found.items() if len(rows)]
    if not holding:
        known = [name for table in tables.values() for name in table["sample_id"]]
        near = did_you_mean(sample_id, known[:20_000])
        raise CatscanError(
            "There is no such sample.",
            where=listed([str(path) for path in paths]) or str(results),
            found=repr(sample_id),
            do=near if near.startswith("Did") else "Take an id of the first column of an index.csv.",
        )
    if len(holding) > 1:
        raise CatscanError(
            "Several competitions have a sample of that id.",
            where=listed([str(folder) for folder in holding]),
            do=f"--competition {holding[0].name}",
        )
    return holding[0], {str(name): str(cell) for name, cell in found[holding[0]].iloc[0].items()}


def read(folder: Path, row: dict[str, str]) -> dict[str, Reading]:
    """The sample by the reader of its competition: at a size for people, and at that of the network.

    Raises
    ------
    CatscanError
        When it cannot be read, with the reason.
    """
    settings = Sidecar.read(next(folder.glob(f"arrays/{row['split']}-{row['shard']}-of-*.json"))).settings
    kind = kind_named(settings.kind)
    blocks: dict[str, dict[str, Any]] = {
        "as it is read": kind.block_seen_at(settings.reader, LARGE),
        "as the network gets it": settings.reader,
    }
    sample = Sample(row["sample_id"], row["archive"], row["path"])
    readings = {}
    with closing(RawFiles(folder / "raw")) as raw:
        for name, block in blocks.items():
            with closing(kind.open_reader(block, raw)) as reader:
                try:
                    readings[name] = reader.read(sample)
                except BadSample as error:
                    raise CatscanError(
                        "The sample cannot be read.",
                        where=f"{sample.archive} {sample.path}".strip(),
                        found=error.reason,
                        do="It took no part in training; its reason stands in the report, too.",
                    ) from error
    return readings


def answers_of(folder: Path, sample_id: str, summary: Summary) -> dict[str, dict[str, float]]:
    """What each network that predicted it said, by "model, fold k": its value of each class."""
    files = [
        *((path.parent, path) for path in sorted(folder.glob("models/*/fold-*/out-of-fold.csv"))),
        *((path.with_suffix(""), path) for path in sorted(folder.glob("predictions/*/fold-*.csv"))),
    ]
    found: dict[str, dict[str, float]] = {}
    for network, path in files:
        table = read_predictions(path, summary.classes, summary.task)
        if sample_id in table.index:
            found[_name_of(network)] = {str(label): float(str(value)) for label, value in table.loc[sample_id].items()}
    return found


@dataclass(frozen=True)
class Heat:
    """Where in a sample what one network says lies.

    Attributes
    ----------
    network
        Its name.
    label
        The class that it says.
    levels
        (height, width) or (depth, height, width) uint8, 255 where it is strongest, over the same field as the sample.
    """

    network: str
    label: str
    levels: Levels


def heat_of(folder: Path, row: dict[str, str], answers: dict[str, dict[str, float]]) -> Heat | None:
    """The heat map of a sample; None before its models are evaluated, and of a network without maps."""
    if not (folder / METRICS).is_file():
        return None
    evaluated = read_evaluated(folder / "models", with_foreign=True)
    network = opened_first(evaluated)
    if row["split"] == "train":
        network = network.with_name(f"fold-{row['fold']}")  # which never saw it
    name = _name_of(network)
    if name not in answers:
        return None
    label = max(answers[name], key=answers[name].__getitem__)
    described = evaluated.described[network]
    shards = shards_read_for(described, *(sorted(folder.glob(f"arrays*/{split}-*.npy")) for split in ("train", "test")))
    samples = Samples(shards, read_table(folder / "index.csv").set_index("sample_id"), folder / "raw")
    chosen = Chosen(row["sample_id"], row["split"], "", row["label"])
    told = list(answers[name]).index(label)
    with one_device("cpu", []):
        (levels,) = heats_of(network, described, [chosen], [told], samples, gpu=False)
    return None if levels is None else Heat(name, label, levels)


def draw(
    readings: dict[str, Reading], heat: Heat | None, answers: dict[str, dict[str, float]], *, title: str
) -> Figure:
    """The sample in each of its sizes, what in it speaks for the answer, and a bar a class and network."""
    from matplotlib.figure import Figure

    shown = {f"{name}\n{' × '.join(map(str, one.array.shape))}": flat(one.array) for name, one in readings.items()}
    if heat:
        *_, seen = readings.values()
        strongest, plane = heated(seen.array, heat.levels)
        where = f", slice {strongest + 1} of {len(seen.array)}" if seen.array.ndim == 4 else ""
        shown[f"what speaks for {heat.label}\n{heat.network}{where}"] = plane
    figure = Figure(figsize=(3.7 * (len(shown) + 1), 3.8), layout="constrained")
    figure.suptitle(title, fontsize=11)
    panels = figure.subplots(1, len(shown) + 1)
    for panel, (name, levels) in zip(panels, shown.items(), strict=False):
        panel.imshow(levels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        panel.set_title(name, fontsize=9)
        panel.set(xticks=[], yticks=[])
    bars, height = panels[-1], 0.8 / max(len(answers), 1)
    for number, (network, told) in enumerate(answers.items()):
        bars.barh([k + number * height for k in range(len(told))], list(told.values()), 0.9 * height, label=network)
    names = list(next(iter(answers.values()), {}))
    bars.set_yticks([k + (len(answers) - 1) * height / 2 for k in range(len(names))], names)
    bars.set_title("what the networks say" if answers else "no network has said anything yet", fontsize=9)
    if answers:
        bars.legend(fontsize=7, frameon=False)
    return figure


def heated(array: Levels, heat: Levels) -> tuple[int, Levels]:
    """A picture, or a scan's slice where the heat is strongest, with the heat over it in orange: (height, width, 3).

    Beside it the number of that slice.
    """
    from scipy.ndimage import zoom

    sizes = array.shape[:-1]
    factors = [size / old for size, old in zip(sizes, heat.shape, strict=True)]
    shares = zoom(heat / 255, factors, order=1, mode="nearest", grid_mode=True).reshape(-1, *sizes[-2:])
    strongest = int(shares.max(axis=(1, 2)).argmax())
    strength = 0.78 * shares[strongest][..., None]
    plane = flat(array.reshape(-1, *array.shape[-3:])[strongest])
    grey = plane if plane.ndim == 3 else plane[..., None]
    return strongest, (grey * (1 - strength) + np.array([255, 150, 0]) * strength).round().astype(np.uint8)


def _name_of(network: Path) -> str:
    """Of the folder of a network: "model, fold k"."""
    return f"{network.parent.name}, {network.name.replace('-', ' ')}"


def flat(array: Levels) -> Levels:
    """A picture (height, width) or (height, width, 3); of a scan four slices from one end to the other, two a line."""
    if array.ndim == 4:
        chosen = (np.linspace(0.15, 0.85, SLICES) * (len(array) - 1)).round().astype(int)
        one, two, three, four = (array[z, :, :, 0] for z in chosen)
        return np.concatenate([np.concatenate(pair, axis=1) for pair in ((one, two), (three, four))])
    return array if array.shape[2] == 3 else array[:, :, 0]
