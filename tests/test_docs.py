"""What the documents tell to write is accepted as it stands."""

import doctest
import importlib
import re
from pathlib import Path

import pytest
import yaml

from catscan import __version__
from catscan.flow import config

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"
STAGES = sorted({path.stem for path in ROOT.glob("workflow/rules/*.smk")} - {"common"})
PAGES = ["README.md", "config/README.md", "docs/tutorial.md", "docs/accuracy.md", "docs/scale.md"]


def examples() -> list[tuple[str, str]]:
    blocks = [
        (page, text)
        for page in PAGES
        for text in re.findall(r"```yaml\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    ]
    return [(page, text) for page, text in blocks if "run:" in text]


@pytest.mark.parametrize("text", [text for _, text in examples()], ids=[page for page, _ in examples()])
def test_an_example_of_a_competition_is_accepted(text: str, tmp_path: Path) -> None:
    (tmp_path / "train.zip").write_bytes(b"PK\5\6" + bytes(18))
    overlay = yaml.safe_load(text)
    for competition in overlay["competitions"].values():
        if competition["source"]["kind"] == "directory":
            competition["source"]["path"] = str(tmp_path)

    loaded = config.load(overlay, SCHEMA)
    assert loaded["run"] == overlay["run"]


@pytest.mark.parametrize(
    "page",
    [
        *PAGES,
        *("docs/architecture.md", "docs/exported.md", "docs/going-back.md", "docs/interval.md", "docs/notebook.md"),
        *("CHANGELOG.md", "CONTRIBUTING.md"),
    ],
)
def test_every_link_to_a_file_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\((?!http|#)([^)]+)\)", (ROOT / page).read_text())

    assert [link for link in links if not ((ROOT / page).parent / link).exists()] == []


@pytest.mark.parametrize(
    "page", [*PAGES, "docs/architecture.md", "docs/notebook.md", "config/kaggle/README.md", "config/medmnist/README.md"]
)
def test_no_target_stands_behind_the_configfile(page: str) -> None:
    """Snakemake would take it for another file: `--configfile` takes all words up to the next flag."""
    text = (ROOT / page).read_text()

    assert re.findall(r"snakemake [^`\n]*--configfile [^\s`]+(?: +\w\S*\.yaml)* +(?!\S+\.yaml)\w.*", text) == []


def test_what_is_to_be_cited_is_this_version() -> None:
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == __version__


def test_the_catalog_of_workflows_finds_what_it_asks_for() -> None:
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]

    assert usage.keys() == {"mandatory-flags", "software-stack-deployment", "report"}
    assert usage["mandatory-flags"].keys() == {"desc", "flags"}
    assert not any(usage["software-stack-deployment"].values())  # `./run` brings the packages
    assert usage["report"] is True


@pytest.mark.parametrize("stage", STAGES)
def test_the_map_shows_every_stage(stage: str) -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()

    assert re.search(rf"-> .*\b{stage}\b", text)
    assert f"\n| {stage} |" in text


def test_the_readme_counts_the_ready_competitions() -> None:
    found = re.search(r"ready files for (\d+) competitions", (ROOT / "README.md").read_text())

    assert found is not None
    assert int(found[1]) == len(list((ROOT / "config" / "kaggle").glob("*.yaml")))


EXPLAINED = [
    ".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((ROOT / "src").rglob("*.py"))
    if ">>> " in path.read_text()
]


@pytest.mark.parametrize("module", EXPLAINED)
def test_the_examples_in_a_docstring_hold(module: str) -> None:
    assert doctest.testmod(importlib.import_module(module)).failed == 0
