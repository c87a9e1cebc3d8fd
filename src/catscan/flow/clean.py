"""List results that no config of this folder names any more, or remove them.

A model that has another name now, a fold that is given up, another number of shards: what was made before stays behind.
Looked at are the folders `models/`, `predictions/`, `features/` and `arrays/` (and those of a sweep's readings) of the
competitions that the config describes, and in them what a job made, by the record beside it; never raw files, the truth
or submissions. Named is what this config names, or any other YAML file of the folder, or below its `config/` or that of
catscan.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from catscan.common.errors import CatscanError, listed
from catscan.common.meter import size
from catscan.common.provenance import ENDING, place_of
from catscan.flow import config as described
from catscan.flow import config_files
from catscan.flow.schema import ROOT, SCHEMA
from catscan.raw.walk import is_ordinary

Config = dict[str, Any]

RESULTS = Path("results")
DEFAULT = ROOT / "config" / "config.yaml"


def register(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--configfile", nargs="+", type=Path, default=[], help="as for snakemake")
    parser.add_argument("--directory", type=Path, default=Path(), help="as for snakemake")
    parser.add_argument("--remove", action="store_true", help="remove them, too")


def run(args: argparse.Namespace) -> None:
    """List what is left over, and remove it when asked to."""
    config = _completed([path.absolute() for path in args.configfile])
    left = leftovers(config, args.directory)
    if not left:
        print("Nothing is left over: the configs of this folder name all that is there.")
        return
    if args.remove:
        from catscan.flow.locks import living, refusal

        for other in living(args.directory):
            raise refusal(other)
    for path in shown(left):
        print(f"{size(bytes_of(path)):>10}  {path}")
    print(f"{size(sum(map(bytes_of, left))):>10}  in all: no config of this folder names it")
    if args.remove:
        for path in left:
            remove(path)
        print("Removed.")
    else:
        print("Nothing is removed without --remove.")


def tell(config: Config) -> None:
    """Say at a run's end what is left over, in one line; nothing where there is nothing, or a config is broken."""
    left = []
    with suppress(CatscanError):
        left = leftovers(config, Path())
    if left:
        some, much = listed([str(path) for path in shown(left)]), size(sum(map(bytes_of, left)))
        print(f"left over, as no config names it: {some} ({much}); `catscan clean` says more", file=sys.stderr)


def leftovers(config: Config, folder: Path) -> list[Path]:
    """What no config names, sorted: folders of a trained fold, and files.

    Parameters
    ----------
    config
        Complete, as `config.load` gives it.
    folder
        The working folder of its runs, in which `results` lies.

    Raises
    ------
    CatscanError
        When a config file of the folder, which may name what is there, cannot be read.
    """
    left: list[Path] = []
    for name, competition in config["competitions"].items():
        home = folder / RESULTS / name
        found = made(home) - named(competition)
        if found:
            for other in elsewhere(folder.absolute(), name):
                found -= named(other)
        left += sorted(home / path for path in found)
    return left


def made(home: Path) -> set[str]:
    """What jobs made for models and shards, below a competition's folder; of models a fold's folder as a whole."""
    folds = {path for path in home.glob("models/*/fold-*") if (path / "checkpoint").is_dir() or any(_records(path))}
    folders = [*home.glob("predictions/*"), *home.glob("features*/*"), *home.glob("arrays*")]
    files = {path for folder in folders for path in _records(folder)}
    return {path.relative_to(home).as_posix() for path in folds | files}


def _records(folder: Path) -> Iterator[Path]:
    """The files of a folder that have a record beside them, be they there or not."""
    return (path.with_name(path.name[1 : -len(ENDING)]) for path in folder.glob(f".*{ENDING}"))


def named(competition: Config) -> set[str]:
    """All that a competition's config names of what `made` finds."""
    shards, models = competition["index"]["shards"], described.models(competition)
    folds = [(model, fold) for model in models for fold in described.folds(competition)]
    arrays = [f"arrays{reading}" for reading in described.readings(competition)]
    arrays += [
        f"features{described.reading(competition, model)}/{network}"
        for model in models.values()
        for network in model["features"]
    ]
    return {
        *(f"models/{model}/fold-{fold}" for model, fold in folds),
        *(f"predictions/{model}/fold-{fold}.csv" for model, fold in folds),
        *(
            f"{folder}/{split}-{shard}-of-{shards}.{ending}"
            for folder in arrays
            for split in ("train", "test")
            for shard in range(1, shards + 1)
            for ending in ("npy", "json")
        ),
    }


def elsewhere(folder: Path, name: str) -> Iterator[Config]:
    """The competition ``name`` as each config file of a folder describes it."""
    for path, text in _texts(folder).items():
        if name in text and name in config_files.read(path).get("competitions", {}):
            try:
                yield _completed([path])["competitions"][name]
            except CatscanError as error:
                error.where = f"{path}: {error.where}"
                raise


@cache
def _texts(folder: Path) -> dict[Path, str]:
    """The YAML files of a folder that look like configs."""
    places = [folder.glob("*.y*ml"), *((home / "config").rglob("*.y*ml") for home in (folder, ROOT))]
    paths = {path.resolve() for place in places for path in place if _may_be_config(path)}
    texts = {path: path.read_text(encoding="utf-8", errors="replace") for path in sorted(paths)}
    return {path: text for path, text in texts.items() if "competitions" in text}


def _may_be_config(path: Path) -> bool:
    """Whether a run would read it: not what the kernel makes up, or what is larger than any config."""
    return path.is_file() and is_ordinary(path) and path.stat().st_size <= config_files.LARGEST


def _completed(paths: list[Path]) -> Config:
    """The config of a run with these files, as Snakemake merges them over the default one."""
    from snakemake.utils import update_config

    config = config_files.read(DEFAULT)
    for path in paths:
        update_config(config, config_files.read(path))
    return described.complete(config, SCHEMA)


def shown(left: list[Path]) -> list[Path]:
    """``left`` for people: in place of all folds of a model, or of all shards of a network, their folder."""
    found: dict[Path, None] = {}
    for path in left:
        siblings = set(_records(path.parent)) if path.suffix else set(path.parent.glob("fold-*"))
        found[path.parent if siblings <= set(left) and path.parent.name != "arrays" else path] = None
    return list(found)


def bytes_of(path: Path) -> int:
    """The bytes of a file, or of all below a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if file.is_file())


def remove(path: Path) -> None:
    """Remove a fold's folder, or a file with its record, and the folder that it leaves empty."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
        place_of(path).unlink(missing_ok=True)
    with suppress(OSError):
        path.parent.rmdir()
