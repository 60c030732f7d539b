"""What the documents name is there: paths, links, and figures behind plots and summaries."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from places import ROOT

DOCS = ROOT / "docs"
PAGES = [ROOT / name for name in ("README.md", "DESIGN.md", "CONTRIBUTING.md")]
PAGES += sorted(DOCS.rglob("*.md"))
# Pages whose code spans name files by their whole path.
NAMING = [ROOT / "DESIGN.md", ROOT / "CONTRIBUTING.md"]
NAMING += sorted((DOCS / "decisions").glob("*.md")) + sorted((DOCS / "results").glob("*.md"))
PACKAGES = ("pld_tf", "export", "firmware_harness")
FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return FENCED.sub("", page.read_text("utf-8"))


def named_paths(page: Path) -> set[str]:
    """Code spans that begin with a folder of the repository, and whole words in drawings."""
    roots = "|".join((*PACKAGES, "tests", "docs"))
    return {
        path.rstrip(".")
        for path in re.findall(rf"(?<![\w./-])(?:{roots})/[\w./-]*", page.read_text("utf-8"))
    }


def links(page: Path) -> list[str]:
    """Targets of links and pictures that lie in the repository."""
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def anchors(page: Path) -> set[str]:
    """What a link to a part of the page may name: headings as GitHub spells them, and ids."""
    text = prose(page)
    headings = re.findall(r"^#+ +(.+?)\s*$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))


def missing(page: Path) -> list[str]:
    """Links that lead nowhere."""
    wrong = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / unquote(path)).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            wrong.append(target)
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_link_leads_somewhere(page):
    assert missing(page) == []


@pytest.mark.parametrize("page", NAMING, ids=_name)
def test_every_path_that_is_named_exists(page):
    assert sorted(path for path in named_paths(page) if not (ROOT / path).exists()) == []


def test_the_design_names_every_folder_of_the_packages():
    folders = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).iterdir()
        if path.is_dir() and path.name != "__pycache__"
    }
    assert folders - {path.rstrip("/") for path in named_paths(ROOT / "DESIGN.md")} == set()


def test_wrong_paths_links_and_anchors_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A title: `x`\n[a](#a-title-x) [b](#b) [c](no.md)\n```\n[d](no.md)\n```\n")
    assert missing(page) == ["#b", "no.md"]
    page.write_text("`pld_tf/no.py`, see export/cli.py.\n")
    assert named_paths(page) == {"pld_tf/no.py", "export/cli.py"}


def test_the_readmes_figures_stand_in_the_results():
    """The cells of its table of figures hold no number that no page of results holds."""
    section = (ROOT / "README.md").read_text("utf-8").partition("## What was measured?")[2]
    rows = re.findall(r"^\|(?!-).*\|$", section.partition("\n## ")[0], re.MULTILINE)[1:]
    figures = {number for row in rows for number in _numbers(row.split("|")[2])}
    known = {
        number
        for page in (DOCS / "results").glob("*.md")
        for number in _numbers(page.read_text("utf-8"))
    }
    assert len(figures) > 20
    assert figures - known == set()


def _numbers(text: str) -> list[str]:
    return re.findall(r"[-+]?\d+(?:,\d{3})*(?:\.\d+)?", text)


def test_the_ladders_picture_is_what_its_program_draws():
    """Make it again with `python docs/make_ladder.py > docs/ladder.svg`."""
    command = [sys.executable, DOCS / "make_ladder.py"]
    drawn = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert (DOCS / "ladder.svg").read_text("utf-8") == drawn


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("plots")
    _make_plots().main(folder)
    return folder


def _make_plots() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_plots", DOCS / "make_plots.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", sorted(path.stem for path in (DOCS / "results").glob("*.svg")))
def test_a_plot_shows_the_tables_as_they_stand(name, drawn):
    """Make them again with `python docs/make_plots.py`."""
    committed, fresh = (_drawing(folder / f"{name}.svg") for folder in (DOCS / "results", drawn))
    assert committed[0] == fresh[0]
    # Another matplotlib may draw a mark elsewhere by less than a point.
    assert committed[1] == pytest.approx(fresh[1], abs=1)


def _drawing(path: Path) -> tuple[list[str], list[float]]:
    """Words of a plot, and where its marks are, x and y of each in points."""
    elements = list(ElementTree.parse(path).iter())
    texts = ["".join(element.itertext()) for element in elements if element.tag.endswith("}text")]
    marks = [element for element in elements if element.tag.endswith("}use")]
    return texts, [float(mark.attrib[axis]) for mark in marks for axis in "xy"]
