"""What Kaggle's refusals mean, each as one block with the next step."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from catscan.common.errors import CatscanError, TryAgain, did_you_mean

if TYPE_CHECKING:
    import requests

SITE = "https://www.kaggle.com"
BUSY = 429
TOKEN_FILES = ("access_token", "access_token.txt")  # below ~/.kaggle, as Kaggle's package looks for them
DSB2017 = "data-science-bowl-2017"


def check_name(competition: str) -> None:
    """Refuse what is not a competition's name, before anything is asked.

    Raises
    ------
    CatscanError
        When it is empty, or the whole address.
    """
    where = f"source.competition: {competition or '(empty)'}"
    if not competition:
        raise CatscanError(
            "The competition's name is missing.",
            where=where,
            do=f"Give the last part of its address, as dogs-vs-cats-redux-kernels-edition in {SITE}/competitions/...",
        )
    if "/" in competition or ":" in competition:
        parts = [part for part in urlsplit(competition).path.split("/") if part]
        name = parts[parts.index("competitions") + 1] if "competitions" in parts[:-1] else parts[-1] if parts else ""
        raise CatscanError(
            "The competition is given by its address, not by its name.",
            where=where,
            do=f"Write `competition: {name}`.",
        )


def unknown_file(name: str, offered: list[str]) -> CatscanError:
    """The block for a file in `source.files` that the competition does not have."""
    return CatscanError(
        f"The competition has no file {name}.", where="source.files", do=did_you_mean(name, offered[:20])
    )


def credentials() -> list[str]:
    """The places where credentials for Kaggle stand, by name; they are not read, and whether they hold is not known."""
    home = Path("~/.kaggle").expanduser()
    config = Path(os.environ.get("KAGGLE_CONFIG_DIR") or home)
    xdg = Path(os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()) / "kaggle"
    found = ["KAGGLE_API_TOKEN"] if os.environ.get("KAGGLE_API_TOKEN") else []
    if os.environ.get("KAGGLE_USERNAME") and os.environ.get("KAGGLE_KEY"):
        found.append("KAGGLE_USERNAME and KAGGLE_KEY")
    files = [home / "access_token", home / "access_token.txt", config / "kaggle.json", xdg / "kaggle.json"]
    return found + [str(path) for path in dict.fromkeys([*files, home / "credentials.json"]) if path.is_file()]


def check_token() -> None:
    """Refuse a folder where Kaggle's package would read a token from a file.

    Raises
    ------
    CatscanError
        With the place that leads to the folder.
    """
    home, variable = Path("~/.kaggle").expanduser(), "KAGGLE_API_TOKEN"
    named = {variable: os.environ.get(variable, ""), **{str(home / name): str(home / name) for name in TOKEN_FILES}}
    for place, path in named.items():
        if path and Path(path).is_dir():
            raise CatscanError(
                "A folder stands where a token for Kaggle is looked for.",
                where=place,
                found=f"the folder {path}",
                do=f"Give the token itself or a file that holds it; {SITE}/settings/api makes one.",
            )


def no_log_in() -> CatscanError:
    """The block when no way to log in works: there are no credentials, or those that are there do not hold."""
    found = credentials()
    if found:
        return CatscanError(
            "Kaggle does not accept your credentials.",
            where=", ".join(found),
            found="they are expired, revoked or mistyped",
            do=f"Run `kaggle auth login`, or make a new token at {SITE}/settings/api.",
        )
    return CatscanError(
        "There are no credentials for Kaggle.",
        where="KAGGLE_API_TOKEN, ~/.kaggle/access_token, KAGGLE_USERNAME with KAGGLE_KEY, ~/.kaggle/kaggle.json",
        do=f"Run `kaggle auth login`, or make a token at {SITE}/settings/api and save it to ~/.kaggle/access_token.",
    )


# Why Kaggle answers 403: words in its text, what they mean, and what to do; the first row that fits, else the last.
FORBIDDEN: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("phone", "verif"),
        "Kaggle wants your phone number verified first.",
        f"Verify it at {SITE}/settings/phone, then run the same command again.",
    ),
    (
        ("participate", "entrant", "closed"),
        "The competition takes no new participants.",
        "Look at {page}: only those who have entered it may fetch its files. Files that you have already are taken by "
        "`source: {{kind: directory, path: ...}}`.",
    ),
    (
        ("rules",),
        "You have not accepted the competition's rules.",
        "Open {page}/rules, log in, accept them (in an old competition by its button Late Submission), and run the "
        "same command again.",
    ),
    (
        ("",),
        "Kaggle refuses access.",
        f"Accept the rules at {{page}}/rules, and verify your phone number at {SITE}/settings/phone.",
    ),
)


def explained(
    response: requests.Response, competition: str, *, of_file: str = "", near: Callable[[], list[str]] = list
) -> CatscanError:
    """The block for a refusal (status 4xx): what Kaggle said, and the next step.

    Parameters
    ----------
    response
        Kaggle's answer.
    competition, of_file
        What was asked for; the file is "" when it was the competition.
    near
        Called for a competition that does not exist: names like it.
    """
    if response.status_code == 401:
        return no_log_in()
    if response.status_code == 404:
        return _not_found(competition, of_file, near)
    said = server_text(response)
    what, do = "Kaggle refuses the request.", "Look at {page}."
    if response.status_code == 403:
        what, do = next((what, do) for words, what, do in FORBIDDEN if any(word in said.lower() for word in words))
    return CatscanError(
        what,
        where=f"source.competition: {competition}",
        found=f"{response.status_code}: {said}",
        do=do.format(page=f"{SITE}/competitions/{competition}"),
    )


def _not_found(competition: str, of_file: str, near: Callable[[], list[str]]) -> CatscanError:
    if of_file:
        return CatscanError(
            f"The competition has no file {of_file}.",
            where="source.files",
            do=f"Look at {SITE}/competitions/{competition}/data, or leave `files` out to fetch all.",
        )
    names = near()
    do = f"Take the last part of the competition's address at {SITE}/competitions."
    if names:
        do = f"Did you mean {' or '.join(names)}?"
    return CatscanError("Kaggle has no such competition.", where=f"source.competition: {competition}", do=do)


def withdrawn(competition: str) -> CatscanError:
    """The block for a competition without files; Data Science Bowl 2017 is told by name."""
    do = f"Look at {SITE}/competitions/{competition}/data."
    if competition == DSB2017:
        do = (
            "Nobody can download them since 2018. Use a copy that you have: `source: {kind: directory, path: FOLDER}`,"
            " with stage1.7z or its folder in it. Living competitions of this kind: rsna-miccai-brain-tumor-"
            "radiogenomic-classification, rsna-2022-cervical-spine-fracture-detection."
        )
    return CatscanError(
        "Kaggle offers no files for this competition: its data were withdrawn, or are not published.",
        where=f"source.competition: {competition}",
        do=do,
    )


def not_now(problem: requests.RequestException, pause: float | None) -> TryAgain:
    """The block when all tries failed; ``pause`` is what Kaggle asks to wait, in seconds, None when it does not ask."""
    response = getattr(problem, "response", None)
    if response is None:
        return TryAgain(
            "Kaggle cannot be reached.",
            found=told(problem),
            do="Check the network and, behind a proxy, the variable HTTPS_PROXY; then run the same command again.",
        )
    if response.status_code == BUSY:
        wait = f"{pause / 60:,.0f} minutes" if pause and pause > 60 else "a few minutes"
        return TryAgain(
            "Kaggle asks to slow down.",
            found=told(problem),
            do=f"Wait {wait}, then run the same command again; what is fetched stays.",
        )
    return TryAgain(
        "Kaggle has a problem of its own.",
        found=told(problem),
        do="Run the same command again later; what is fetched stays.",
    )


def told(problem: requests.RequestException) -> str:
    """A problem in some words, without the address: a signed one is a credential."""
    response = getattr(problem, "response", None)
    if response is not None:
        return f"Kaggle answered {response.status_code}: {server_text(response)}"
    host = urlsplit(str(problem.request.url)).hostname if problem.request is not None else "Kaggle"
    return f"no answer from {host} ({type(problem).__name__})"


def server_text(response: requests.Response) -> str:
    """The server's own words, on one line; its reason phrase when the answer is not JSON."""
    if "json" in response.headers.get("Content-Type", ""):
        with contextlib.suppress(ValueError):
            message = response.json().get("message")
            if message:
                return " ".join(str(message).split())[:500]
    return response.reason or "no reason given"
