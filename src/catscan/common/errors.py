"""What catscan says when it refuses something.

CatscanError            anything a user can cause; one block of text, exit code 2
├── TryAgain            nothing is wrong, but not now (a lock, a device, a stopped training); exit code 75
├── NotFinite           a training whose loss is no longer a finite number; exit code 3 (stages/train/interruptions.py)
└── OutOfMemory         a batch that does not fit the device's memory; exit code 4 (stages/train/interruptions.py)
BadSample               one picture or scan that cannot be used, with its reason; the stage decides what follows
"""

from __future__ import annotations

USER_ERROR = 2
TRY_AGAIN = 75
OFFENDERS_SHOWN = 5


class CatscanError(Exception):
    """A mistake that a person can correct, reported as one block.

    Parameters
    ----------
    what
        The rule that is broken, as a sentence.
    where
        The file, the sample id or the config key.
    found
        What was found there, beside what was expected.
    do
        The next step.
    """

    exit_code = USER_ERROR

    def __init__(self, what: str, *, where: str = "", found: str = "", do: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.found, self.do = what, where, found, do

    def __str__(self) -> str:
        lines = [self.what]
        for name in ("where", "found", "do"):
            text = getattr(self, name)
            if text:
                lines.append(f"  {name:<5}  " + text.replace("\n", "\n         "))
        return "\n".join(lines)


class TryAgain(CatscanError):
    """The same command may succeed later, or goes on where this one stopped."""

    exit_code = TRY_AGAIN


class BadSample(Exception):
    """One sample, or one file of a scan, cannot be used; ``reason`` says why in one line.

    Readers raise it; the preprocess stage lists it in the shard's sidecar and goes by `preprocess.on_bad`.

    Parameters
    ----------
    reason
        What is wrong, as the end of a sentence that begins with the name of the sample or file.
    stray
        Whether it is a file that belongs to no scan (a report beside the slices): the scan does without it. Without
        any other file it would lack something.
    """

    def __init__(self, reason: str, *, stray: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.stray = reason, stray


def listed(names: list[str], *, more_in: str = "") -> str:
    """The first few names, comma-separated, then "and 12 more in FILE".

    >>> listed(["a", "b", "c", "d", "e", "f", "g"], more_in="index.csv")
    'a, b, c, d, e, and 2 more in index.csv'
    """
    shown = ", ".join(names[:OFFENDERS_SHOWN])
    rest = len(names) - OFFENDERS_SHOWN
    if rest > 0:
        shown += f", and {rest} more" + (f" in {more_in}" if more_in else "")
    return shown


def did_you_mean(name: str, known: list[str]) -> str:
    """A sentence that names the nearest known word, or all of them; "" when there are none.

    >>> did_you_mean("trian", ["train", "index"])
    'Did you mean "train"?'
    """
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f'Did you mean "{near[0]}"?'
    return f"Known: {', '.join(sorted(known))}." if known else ""
