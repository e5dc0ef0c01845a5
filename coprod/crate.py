"""The RO-Crate description of the project: what is in it, by whom, under which licence.

It follows version 1.1 of the specification, https://w3id.org/ro/crate/1.1.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from coprod.paths import PROJECT
from coprod.render.chapter import read_chapters
from coprod.render.project import open_book

__all__ = ["CRATE", "crate", "crate_text"]

CRATE = "ro-crate-metadata.json"
VERSION = "https://w3id.org/ro/crate/1.1"

LICENCES = {
    "MIT": ("MIT licence", "of the code; its text is in LICENSE"),
    "CC-BY-4.0": ("Creative Commons Attribution 4.0", "of the text; its text is in LICENSE-TEXT"),
    "CC0-1.0": ("Creative Commons Zero 1.0", "of the data; its text is in LICENSE-DATA"),
}
DOCUMENTS = {
    "README.md": "What this is and how to start",
    "REPRODUCING.md": "What a replicator needs: data, requirements, programs, figures and tables",
    "CHANGELOG.md": "What changed from version to version",
    "MAINTAINING.md": "How the project is kept, released and archived",
    "CITATION.cff": "How to cite the book, and what it rests on",
    "errata.yml": "Errors found in released versions",
    "LICENSE": "The MIT licence, of the code",
    "LICENSE-TEXT": "Creative Commons Attribution 4.0, of the text",
    "LICENSE-DATA": "Creative Commons Zero 1.0, of the data",
    "references.bib": "The literature that the book cites",
    "requirements.lock": "Every package that a build needs, with version and hash",
    "requirements-test.lock": "Every package that the tests need, with version and hash",
}
PROGRAMS = {
    "coprod/": "The Python package that computes, shows and renders",
    "tests/": "The checks, with R's scripts and results in tests/reference/",
    "examples/": "A worked example: the survey of a council that does not exist, and its mapping",
    "benchmarks/": "What measures the build, and what was measured",
}
# What a finished book is made of, as far as a reader takes it away; the rest serves the pages.
PRODUCTS = {
    ".html": "A page of the book",
    ".pdf": "The book on paper",
    ".svg": "A figure",
    ".png": "A figure",
    ".csv": "The numbers of a table",
    ".bib": "An entry for a list of references",
    ".json": "What the book was made from and with",
}
FORMATS = {
    ".bib": "application/x-bibtex",
    ".cff": "application/yaml",
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".md": "text/markdown",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".qmd": "text/markdown",
    ".svg": "image/svg+xml",
    ".yml": "application/yaml",
}


def crate(
    project: Path = PROJECT, built: Path | None = None, date: str | None = None
) -> dict[str, Any]:
    """Describe the project as a Research Object Crate.

    Parameters
    ----------
    project
        The project's folder.
    built
        A finished book whose files are listed too; it must lie in the project's folder.
    date
        The day of publication as 2026-01-31. By default that of the release, as `CITATION.cff` has
        it, and before any release the year of the licence.

    Returns
    -------
    dict
        The content of `ro-crate-metadata.json`.

    Raises
    ------
    BookError
        When the project's chapters cannot be read.

    Examples
    --------
    >>> [entity["@id"] for entity in crate()["@graph"][:2]]
    ['ro-crate-metadata.json', './']
    """
    cited = yaml.safe_load((project / "CITATION.cff").read_text(encoding="utf-8"))
    authors = [
        {"@id": f"#{_slug(each['name'])}", "@type": "Organization", "name": each["name"]}
        for each in cited["authors"]
    ]
    licences = [
        {"@id": _licence(name), "@type": "CreativeWork", "name": title, "description": what}
        for name, (title, what) in LICENCES.items()
    ]
    article, writers = _article(cited["references"][0])
    folders, files = _source(project)
    if built:
        products = _products(project, built)
        name = f"{built.relative_to(project).as_posix()}/"
        folders.append(_folder(name, "The book: website, PDF, figures and tables", products))
        files += products
    texts = [_file(path, what) for path, what in DOCUMENTS.items()]
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": cited["title"],
        "description": " ".join(cited["abstract"].split()),
        "version": str(cited["version"]),
        "datePublished": date or str(cited.get("date-released") or _year(project)),
        "keywords": cited["keywords"],
        "license": _links(licences),
        "author": _links(authors),
        "publisher": _links(authors),
        "citation": _links([article]),
        "hasPart": _links([*texts, *folders]),
    }
    descriptor = {
        "@id": CRATE,
        "@type": "CreativeWork",
        "conformsTo": {"@id": VERSION},
        "about": {"@id": "./"},
    }
    graph = [descriptor, root, *texts, *folders, *files, *licences, *authors, article, *writers]
    return {"@context": f"{VERSION}/context", "@graph": graph}


def crate_text(project: Path = PROJECT, built: Path | None = None, date: str | None = None) -> str:
    """The same as the text of its file."""
    return json.dumps(crate(project, built, date), ensure_ascii=False, indent=2) + "\n"


def _source(project: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The folders of the source, and the data and chapters in them."""
    package = json.loads((project / "data" / "datapackage.json").read_text(encoding="utf-8"))
    data = [
        _file(f"data/{each['path']}", each["description"], "CC0-1.0")
        for each in package["resources"]
    ]
    data += [
        _file("data/datapackage.json", "The data as a Frictionless Data Package"),
        _file("data/README.md", "The data, file by file"),
    ]
    chapters = []
    for chapter in read_chapters(open_book(project)):
        entity = _file(chapter.entry.source, f"Chapter: {chapter.title}", "CC-BY-4.0")
        chapters.append(entity | {"@type": ["File", "SoftwareSourceCode"]})
    folders = [
        _folder("data/", package["title"], data) | {"license": {"@id": _licence("CC0-1.0")}},
        _folder("chapters/", "The chapters, whose cells compute every number", chapters),
        *(
            _folder(path, what, []) | {"license": {"@id": _licence("MIT")}}
            for path, what in PROGRAMS.items()
        ),
    ]
    return folders, [*data, *chapters]


def _products(project: Path, built: Path) -> list[dict[str, Any]]:
    """The files of a finished book that a reader takes away."""
    return [
        _file(file.relative_to(project).as_posix(), PRODUCTS[file.suffix])
        for file in sorted(built.rglob("*"))
        if file.is_file() and file.suffix in PRODUCTS
    ]


def _file(path: str, what: str, licence: str | None = None) -> dict[str, Any]:
    entity: dict[str, Any] = {
        "@id": quote(path),
        "@type": "File",
        "name": path,
        "description": what,
        "encodingFormat": FORMATS.get(Path(path).suffix, "text/plain"),
    }
    if licence:
        entity["license"] = {"@id": _licence(licence)}
    return entity


def _folder(path: str, what: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
    folder: dict[str, Any] = {
        "@id": quote(path),
        "@type": "Dataset",
        "name": path,
        "description": what,
    }
    return folder | ({"hasPart": _links(parts)} if parts else {})


def _article(cited: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The article that the book accompanies, and those who wrote it."""
    writers = [
        {
            "@id": f"#{_slug(each['family-names'])}",
            "@type": "Person",
            "name": f"{each['given-names']} {each['family-names']}",
        }
        for each in cited["authors"]
    ]
    article = {
        "@id": f"https://doi.org/{cited['doi']}",
        "@type": "ScholarlyArticle",
        "name": cited["title"],
        "author": _links(writers),
        "datePublished": str(cited["year"]),
    }
    return article, writers


def _links(entities: list[dict[str, Any]]) -> list[dict[str, str]] | dict[str, str]:
    """Links to entities; to one alone without a list, as the specification recommends."""
    links = [{"@id": entity["@id"]} for entity in entities]
    return links[0] if len(links) == 1 else links


def _licence(name: str) -> str:
    return f"https://spdx.org/licenses/{name}"


def _slug(name: str) -> str:
    return re.sub(r"\W+", "-", name.lower())


def _year(project: Path) -> str:
    """The year of the copyright."""
    found = re.search(r"\(c\) (\d{4})", (project / "LICENSE").read_text(encoding="utf-8"))
    return found[1] if found else ""


if __name__ == "__main__":
    (PROJECT / CRATE).write_bytes(crate_text().encode("utf-8"))
