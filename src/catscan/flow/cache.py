"""List, verify or prune the results that are kept in the store.

The store is a folder of results, one file a job (`store`), from which a run takes what it would compute again
(`going_back`). `list` tells what is there, `verify` reads it all and exits with 2 when something is broken, `prune`
removes what was not of use for the longest time.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator

from catscan.common.errors import CatscanError, listed
from catscan.common.meter import size
from catscan.common.words import number_of
from catscan.flow.store import GIGABYTE, VARIABLE, Broken, Entry, Store, place_of, store_at


def register(parser: argparse.ArgumentParser) -> None:
    """Add the three actions, and the store's place."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    place = f"the store, as `cache.path` of a config; without it that of {VARIABLE}, else the user's own"
    for action, told in (
        ("list", "tell what is kept, a line for each stage and competition"),
        ("verify", "read all, and tell what is broken"),
        ("prune", "remove what was not of use for the longest time"),
    ):
        one = actions.add_parser(action, help=told, description=f"{told[0].upper()}{told[1:]}.")
        one.add_argument("--path", default="", help=place)
    one.add_argument("--gigabytes", type=_gigabytes, required=True, help="what may be left, 0 for nothing")


def _gigabytes(text: str) -> float:
    found = float(text)
    if not 0 <= found < float("inf"):
        raise argparse.ArgumentTypeError("must be 0 or more")
    return found


def run(args: argparse.Namespace) -> None:
    """Do one of the three."""
    store = store_at(args.path or place_of(""), 0)
    if store is None:
        raise CatscanError("There is no store.", where=VARIABLE, found="off", do="Name its folder by --path.")
    try:
        _do(args, store)
    except OSError as error:
        raise CatscanError(
            "The store cannot be used.",
            where=store.place,
            found=error.strerror or str(error),
            do="Check its place and your rights there.",
        ) from error


def _do(args: argparse.Namespace, store: Store) -> None:
    if args.action == "list":
        print("\n".join(table(store, time.time())))
    elif args.action == "verify":
        verify(store)
    else:
        count, freed = store.prune(round(args.gigabytes * GIGABYTE))
        print(f"{store.place}: removed {number_of(count, 'result')}, {size(freed)}")


def table(store: Store, now: float) -> Iterator[str]:
    """What is kept, a line for each stage and competition.

    Its results, their bytes, and how long ago the newest was made and one was last of use.
    """
    groups: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    broken = 0
    for name in store.names():
        try:
            entry = store.entry(name)
        except (Broken, OSError):
            broken += 1
        else:
            if entry is not None:
                groups[entry.stage, entry.competition].append(entry)
    yield f"{'stage':<12} {'competition':<30} {'results':>7} {'size':>10} {'made':>8} {'last used':>10}"
    for (stage, competition), entries in sorted(groups.items()):
        made = ago(now - max(entry.made for entry in entries))
        used = ago(now - max(entry.used for entry in entries))
        yield f"{stage:<12} {competition:<30} {len(entries):>7} {size(bytes_of(entries)):>10} {made:>8} {used:>10}"
    everything = [entry for entries in groups.values() for entry in entries]
    yield f"{store.place}: {number_of(len(everything), 'result')}, {size(bytes_of(everything))}"
    if broken:
        yield f"{number_of(broken, 'file')} there cannot be read; `catscan cache verify` names them."


def bytes_of(entries: list[Entry]) -> int:
    """The bytes that some entries take."""
    return sum(entry.size for entry in entries)


def ago(seconds: float) -> str:
    """A span of time, for people.

    >>> ago(20), ago(4000), ago(90000)
    ('0 min', '1 h', '1 d')
    """
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 1440 else f"{minutes // 1440} d"


def verify(store: Store) -> None:
    """Read everything that is kept.

    Raises
    ------
    CatscanError
        When something is not what its digests say.
    """
    names = store.names()
    broken = [told for name in names if (told := _fault(store, name))]
    if broken:
        raise CatscanError(
            "The store holds what is not whole. A run computes it anew and drops it.",
            where=store.place,
            found=listed(broken),
            do="Delete the files, or leave it to the runs.",
        )
    print(f"{store.place}: {number_of(len(names), 'result')}, all whole")


def _fault(store: Store, name: str) -> str:
    try:
        store.read(name, lambda _: None)
    except Broken as error:
        return f"{name}: {error}"
    except OSError as error:
        return f"{name}: {error.strerror or error}"
    return ""
