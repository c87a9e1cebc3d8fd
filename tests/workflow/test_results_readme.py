"""`results/README.md` tells of every file that a run makes, and of no other."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def described() -> dict[str, re.Pattern[str]]:
    """Each name in the first column of the table, as the paths that it stands for; `<folder>/` is any or none."""
    text = (ROOT / "results" / "README.md").read_text()
    names = [name for cell in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE) for name in re.findall(r"`(.+?)`", cell)]
    return {name: re.compile(_pattern(name) + ".+" * name.endswith("/")) for name in names}


def _pattern(name: str) -> str:
    return re.sub(r"<\w+>", "[^/]+", re.escape(name).replace("<folder>/", "(?:.+/)?"))


def made(finished) -> list[str]:
    results = finished[0].home / "results"
    paths = [path.relative_to(results).as_posix() for path in results.rglob("*") if path.is_file()]
    return [path for path in paths if path != "README.md"]


def test_every_file_of_a_run_is_described(finished) -> None:
    patterns = described().values()

    assert [path for path in made(finished) if not any(pattern.fullmatch(path) for pattern in patterns)] == []


def test_everything_described_appears_in_a_run(finished) -> None:
    paths = made(finished)

    assert [name for name, pattern in described().items() if not any(map(pattern.fullmatch, paths))] == []
