"""Kaggle, through its own package: log-in and requests; every refusal becomes one block with the next step.

The package `kaggle` is used as a library for all its ways to log in. It is imported here alone, and only when a request
is to be made, since its import already calls Kaggle. Its command line is not used: that ends with exit code 0 when
interrupted, sets old times on files, and shows most refusals without a way out.
"""

from __future__ import annotations

import contextlib
import difflib
import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests

from catscan.common.errors import CatscanError
from catscan.common.progress import say
from catscan.kaggle.refusals import BUSY, check_name, check_token, explained, no_log_in, not_now, told, withdrawn

T = TypeVar("T")

PAUSES = (1, 2, 4, 8, 16)  # seconds between tries, where Kaggle does not name its own
LONGEST_PAUSE = 900  # seconds; asked to wait for longer, a run ends and says so
TIMEOUT = (30, 120)  # seconds to connect, and between two pieces of an answer
CUT = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
NO_ANSWER = (requests.TooManyRedirects, requests.exceptions.ContentDecodingError)
PAGE = 200  # files a request

sleep = time.sleep


@dataclass(frozen=True)
class RemoteFile:
    """A file that a competition offers: its name (with folders), bytes as listed, and date, an ISO string."""

    name: str
    size: int
    date: str


@dataclass(frozen=True)
class Remote:
    """Where the bytes of a file are just now, and by what to know them again.

    Attributes
    ----------
    url
        A signed address; it is a credential for some minutes, so it is never shown.
    name
        The file's own name, as the address ends.
    size
        Bytes; 0 when the server does not say.
    validator
        ETag or Last-Modified, for `If-Range`; "" when there is none that is exact.
    md5
        The checksum as base64; "" when the server does not say.
    """

    url: str
    name: str
    size: int
    validator: str
    md5: str


class Kaggle:
    """A logged-in client for one competition."""

    def __init__(self, competition: str) -> None:
        """Log in.

        Raises
        ------
        CatscanError
            When the name is not a competition's, there are no credentials, or Kaggle does not accept them.
        TryAgain
            When Kaggle cannot be reached.
        """
        check_name(competition)
        self.competition = competition
        self._api = _log_in()

    @property
    def user(self) -> str:
        """The user's name at Kaggle."""
        return str(self._api.config_values.get("username", ""))

    def files(self, *, at_most: int) -> tuple[list[RemoteFile], bool]:
        """The files on offer, and whether the list is whole: it is cut off after ``at_most`` files or a few more.

        Raises
        ------
        CatscanError
            Also when there are none: the data were withdrawn, or are not published yet.
        """
        found: list[RemoteFile] = []
        token: str | None = None
        while True:
            page = self._ask("list_data_files", "ApiListDataFilesRequest", page_size=PAGE, page_token=token)
            found += [RemoteFile(f.name or f.ref, f.total_bytes, str(f.creation_date or "")) for f in page.files or []]
            token = page.next_page_token
            if not token or len(found) > at_most:
                break
        if not found:
            raise withdrawn(self.competition)
        return found, not token

    def locate(self, name: str = "") -> Remote:
        """Find the bytes of one file, or of the whole competition as one zip."""
        if name:
            answer = self._ask("download_data_file", "ApiDownloadDataFileRequest", file_name=name, of_file=name)
        else:
            answer = self._ask("download_data_files", "ApiDownloadDataFilesRequest")
        with answer:
            return _remote(answer)

    def about(self) -> Any:
        """What Kaggle tells about the competition: `user_has_entered`, `is_kernels_submissions_only`, `deadline` ..."""
        return self._ask("get_competition", "ApiGetCompetitionRequest")

    def limits(self) -> Any:
        """How many submissions are left: `num_today`, `num_total`, `num_allowed_now`, `limited_by_total`."""
        return self._ask("get_submission_limits", "ApiGetSubmissionLimitsRequest")

    def upload(self, path: Path, message: str) -> int:
        """Upload a submission; gives the number that Kaggle knows it by."""
        state = path.stat()
        start = self._ask(
            "start_submission_upload",
            "ApiStartSubmissionUploadRequest",
            file_name=path.name,
            content_length=state.st_size,
            last_modified_epoch_seconds=int(state.st_mtime),
        )
        retrying(lambda: _put(start.create_url, path), competition=self.competition)
        created = self._ask(
            "create_submission",
            "ApiCreateSubmissionRequest",
            tries=1,  # a second request could use up a second try of the day
            blob_file_tokens=start.token,
            submission_description=message,
        )
        return int(created.ref)

    def submissions(self) -> list[Any]:
        """The latest submissions, the newest first."""
        return list(self._ask("list_submissions", "ApiListSubmissionsRequest", page_size=PAGE).submissions or [])

    def submission(self, ref: int) -> Any:
        """The state of one submission: `status`, `public_score`, `private_score`, `error_description`."""
        return self._ask("get_submission", "ApiGetSubmissionRequest", ref=ref)

    def _ask(
        self, method: str, request_name: str, *, of_file: str = "", tries: int = len(PAUSES) + 1, **values: Any
    ) -> Any:
        """Call one method of the competitions' interface with a request of that type."""
        from kagglesdk.competitions.types import competition_api_service as types

        request = getattr(types, request_name)()
        if hasattr(request, "competition_name"):
            request.competition_name = self.competition
        for name, value in values.items():
            if value is not None:
                setattr(request, name, value)

        def call() -> Any:
            with self._api.build_kaggle_client() as client:
                return getattr(client.competitions.competition_api_client, method)(request)

        return retrying(call, competition=self.competition, of_file=of_file, near=self._near_names, tries=tries)

    def _near_names(self) -> list[str]:
        """Names of competitions that look like this one's."""
        from kagglesdk.competitions.types.competition_api_service import ApiListCompetitionsRequest

        request = ApiListCompetitionsRequest()
        request.search = self.competition.replace("-", " ")
        try:
            with self._api.build_kaggle_client() as client:
                found = client.competitions.competition_api_client.list_competitions(request).competitions or []
        except (requests.RequestException, ValueError):
            return []  # the search is a courtesy: the refusal it would adorn is told without it
        names = [entry.ref.rstrip("/").rsplit("/", 1)[-1] for entry in found]
        return difflib.get_close_matches(self.competition, names, n=3, cutoff=0.4)


def _log_in() -> Any:
    """The package's own client, logged in by the first of its ways that works."""
    check_token()
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(
            printed
        ):  # the package prints 20 lines of help at import, and again when refused
            from kaggle.api.kaggle_api_extended import KaggleApi

            api = KaggleApi()
            retrying(api.authenticate, competition="")
    except SystemExit as error:
        if error.code != 1:  # not the package's own end, but a signal to stop
            raise
        raise no_log_in() from error
    finally:
        for line in dict.fromkeys(printed.getvalue().splitlines()):
            if "readable by other" in line:
                say(line)
    return api


def retrying(
    call: Callable[[], T],
    *,
    competition: str,
    of_file: str = "",
    near: Callable[[], list[str]] = list,
    tries: int = len(PAUSES) + 1,
) -> T:
    """Make a request; when Kaggle is busy, has a problem or the connection is cut, wait and try again.

    `Retry-After` is honoured up to 15 minutes.

    Raises
    ------
    TryAgain
        When all tries failed, or Kaggle asks to wait for longer.
    CatscanError
        When Kaggle refuses.
    """
    for done in range(tries):
        try:
            return call()
        except requests.HTTPError as error:
            assert error.response is not None  # both requests and the package give it
            if error.response.status_code != BUSY and error.response.status_code < 500:
                raise explained(error.response, competition, of_file=of_file, near=near) from error
            problem: requests.RequestException = error
            pause = _retry_after(error.response)
        except CUT as error:
            problem, pause = error, None
        except (ValueError, *NO_ANSWER) as error:  # requests' own JSON error is a ValueError too
            raise CatscanError(
                "An answer came that is not Kaggle's.",
                found=type(error).__name__ if isinstance(error, NO_ANSWER) else "it is not JSON",
                do="Open https://www.kaggle.com in a browser here: a proxy or a log-in page may stand in between.",
            ) from error
        if done == tries - 1 or (pause or 0) > LONGEST_PAUSE:
            raise not_now(problem, pause) from problem
        seconds = PAUSES[min(done, len(PAUSES) - 1)] if pause is None else pause
        say(f"{told(problem)}; trying again in {seconds:,.0f} s")
        sleep(seconds)
    raise AssertionError("the last try returns or raises")


def _retry_after(response: requests.Response) -> float | None:
    """Seconds that the server asks to wait: a number, or a date (RFC 9110, 10.2.3); None when it does not ask."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def _remote(answer: requests.Response) -> Remote:
    """Read the headers of a download; ``answer`` is where the redirect ended, its body not read."""
    headers = answer.headers
    tag = headers.get("ETag", "")
    validator = tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")
    sums = [part.strip() for part in headers.get("x-goog-hash", "").split(",")]
    md5 = next((part.removeprefix("md5=") for part in sums if part.startswith("md5=")), "")
    size = int(headers.get("Content-Length", 0)) if "Content-Encoding" not in headers else 0
    return Remote(answer.url, urlsplit(answer.url).path.rsplit("/", 1)[-1], size, validator, md5)


def _put(url: str, path: Path) -> None:
    with path.open("rb") as file:
        requests.put(url, data=file, timeout=TIMEOUT).raise_for_status()
