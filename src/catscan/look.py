"""Draw one sample as it is read, as the network gets it, and what each network says of it.

The file is read anew, by the reader and the settings of its competition; what the networks say is what they predicted
in the run: of a training sample the networks that never saw it, of a test sample those of all folds.
"""

from __future__ import annotations

import argparse
from contextlib import closing
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
from catscan.raw.files import RawFiles
from catscan.scores.predictions import read_predictions

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
    out = args.out or Path(f"{args.id.replace('/', '_')}.png")
    with whole(out) as partial:
        draw(readings, answers, title=f"{args.id} ({row['label'] or row['split']})").savefig(
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
            name = f"{network.parent.name}, {network.name.replace('-', ' ')}"
            found[name] = {str(label): float(str(value)) for label, value in table.loc[sample_id].items()}
    return found


def draw(readings: dict[str, Reading], answers: dict[str, dict[str, float]], *, title: str) -> Figure:
    """The sample in each of its sizes, and a bar a class and network."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.8), layout="constrained")
    figure.suptitle(title, fontsize=11)
    panels = figure.subplots(1, len(readings) + 1)
    for panel, (name, reading) in zip(panels, readings.items(), strict=False):
        panel.imshow(flat(reading.array), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        panel.set_title(f"{name}\n{' × '.join(map(str, reading.array.shape))}", fontsize=9)
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


def flat(array: Levels) -> Levels:
    """A picture (height, width) or (height, width, 3); of a scan four slices from one end to the other, two a line."""
    if array.ndim == 4:
        chosen = (np.linspace(0.15, 0.85, SLICES) * (len(array) - 1)).round().astype(int)
        one, two, three, four = (array[z, :, :, 0] for z in chosen)
        return np.concatenate([np.concatenate(pair, axis=1) for pair in ((one, two), (three, four))])
    return array if array.shape[2] == 3 else array[:, :, 0]
