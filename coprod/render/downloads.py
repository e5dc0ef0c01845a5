"""What a reader can take away: each table as CSV, each picture as SVG and PNG, the book as BibTeX."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

import typst
import yaml

from coprod.render.chapter import Cell
from coprod.render.notebook import CSV
from coprod.render.project import Book

__all__ = ["FOLDER", "bibtex", "links", "write_pngs"]

FOLDER = "downloads"
# Two pixels of the picture for each of the page's, which has 96 to the inch.
RESOLUTION = 2 * 96
TEX = {sign: f"\\{sign}" for sign in "&%$#_{}"} | {
    "\\": "{\\textbackslash}",
    "~": "{\\textasciitilde}",
    "^": "{\\textasciicircum}",
}


def links(
    cell: Cell, data: dict[str, Any], picture: str | None, page: str, folder: Path
) -> list[dict[str, str]]:
    """What can be taken away of one output of a cell, written where it is not a picture.

    Parameters
    ----------
    cell
        The cell. Only a numbered figure or table can be taken away.
    data
        The output's forms by their type.
    picture
        Where the output stands as a picture, from the page, or none.
    page
        The page, from the book's folder.
    folder
        The book's folder.

    Returns
    -------
    list of dict
        ``kind``, as CSV or PNG, and ``path``, from the page. The PNG is made by :func:`write_pngs`.
    """
    back = "../" * (len(PurePosixPath(page).parts) - 1) + FOLDER
    if cell.float == "fig" and picture and picture.endswith(".svg"):
        png = f"{back}/{PurePosixPath(picture).stem}.png"
        return [{"kind": "SVG", "path": picture}, {"kind": "PNG", "path": png}]
    if cell.float == "tbl" and CSV in data:
        file = folder / FOLDER / f"{cell.label}.csv"
        number = 1
        while file.exists():
            number += 1
            file = file.with_name(f"{cell.label}-{number}.csv")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(data[CSV], encoding="utf-8", newline="")
        return [{"kind": "CSV", "path": f"{back}/{file.name}"}]
    return []


def write_pngs(folder: Path) -> None:
    """Make a PNG of each numbered figure of a website, all in one run of Typst.

    Parameters
    ----------
    folder
        The book's folder, which holds the pictures of its pages.
    """
    pictures = sorted(folder.glob("**/*_files/fig-*.svg"))
    if not pictures:
        return
    page = "#set page(width: auto, height: auto, margin: 0pt, fill: white)\n"
    with tempfile.TemporaryDirectory(prefix="coprod-") as temporary:
        main = Path(temporary).resolve() / "main.typ"
        for number, picture in enumerate(pictures):
            main.with_name(f"{number}.svg").write_bytes(picture.read_bytes())
        shown = (f'#image("{number}.svg")' for number in range(len(pictures)))
        main.write_text(page + "\n#pagebreak()\n".join(shown) + "\n", encoding="utf-8")
        # One page is given as it is, several as a list, which Typst's own stubs do not say.
        made: Any = typst.compile(
            main, root=main.parent, ignore_system_fonts=True, format="png", ppi=RESOLUTION
        )
    (folder / FOLDER).mkdir(exist_ok=True)
    for picture, content in zip(pictures, made if isinstance(made, list) else [made], strict=True):
        (folder / FOLDER / f"{picture.stem}.png").write_bytes(content)


def bibtex(book: Book, date: str | None) -> str:
    """The book as a BibTeX entry.

    Parameters
    ----------
    book
        The project; the version is that of its ``CITATION.cff``, where it has one.
    date
        The date of this copy, of which the last word is the year.

    Returns
    -------
    str
        One ``@book`` entry. Braces keep the title's capitals and the authors' names whole.

    Examples
    --------
    >>> from coprod.paths import PROJECT
    >>> from coprod.render.project import open_book
    >>> print(bibtex(open_book(PROJECT), "31 January 2026"))  # doctest: +ELLIPSIS
    @book{coprod2026,
      title = {{Alone and together: ...}},
      author = {{The coprod authors}},
      year = {2026},
      version = {...},
      note = {Synthetic data}
    }
    <BLANKLINE>
    """
    citation = book.folder / "CITATION.cff"
    cited = yaml.safe_load(citation.read_text(encoding="utf-8")) if citation.is_file() else {}
    year = date.split()[-1] if date else ""
    subtitle = book.get("book", "subtitle")
    fields = {
        "title": f"{{{_tex(book.title + (f': {subtitle}' if subtitle else ''))}}}",
        "author": " and ".join(f"{{{_tex(author)}}}" for author in book.authors),
        "year": year,
        "version": _tex(str(cited.get("version", ""))),
        "doi": _tex(str(cited.get("doi", ""))),
        "url": str(cited.get("url") or book.get("book", "site-url") or ""),
        "note": _tex(book.get("data-title", default="")),
    }
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items() if value)
    key = re.sub(r"[^A-Za-z0-9]+", "-", Path(book.pdf_name).stem).strip("-")
    return f"@book{{{key}{year},\n{lines}\n}}\n"


def _tex(text: str) -> str:
    """A text with the signs that TeX takes for its own made plain."""
    return "".join(TEX.get(sign, sign) for sign in text)
