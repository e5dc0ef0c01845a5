"""How a book and its chapters are cited: in words, as BibTeX, and in what search engines read."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import yaml

from coprod.errors import BookError, Fault
from coprod.render.addresses import absolute
from coprod.render.project import Book
from coprod.render.provenance import spoken_date

if TYPE_CHECKING:
    from coprod.render.site import Page

__all__ = ["Citing", "reference", "references"]

TEX = {sign: f"\\{sign}" for sign in "&%$#_{}"} | {
    "\\": "{\\textbackslash}",
    "~": "{\\textasciitilde}",
    "^": "{\\textasciicircum}",
}
# What CSL has of a reference, and what Highwire Press calls it.
REFERENCE = {
    "DOI": "citation_doi",
    "volume": "citation_volume",
    "issue": "citation_issue",
    "publisher": "citation_publisher",
}
CONTAINER = {"chapter": "citation_inbook_title", "paper-conference": "citation_conference_title"}


@dataclass(frozen=True)
class Citing:
    """How one copy of a book is cited.

    Parameters
    ----------
    book
        The project; version and DOI are those of its ``CITATION.cff``, where it has one.
    built
        The day of this copy. A date in ``_quarto.yml`` goes before it.

    Examples
    --------
    >>> import datetime
    >>> from coprod.paths import PROJECT
    >>> from coprod.render.project import open_book
    >>> citing = Citing(open_book(PROJECT), datetime.date(2026, 1, 31))
    >>> citing.words()  # doctest: +ELLIPSIS
    'The coprod authors (2026). Alone and together: ... Version ... Synthetic data.'
    >>> print(citing.bibtex())  # doctest: +ELLIPSIS
    @book{coprod2026,
      title = {{Alone and together: ...}},
      author = {{The coprod authors}},
      year = {2026},
      version = {...},
      note = {Synthetic data}
    }
    <BLANKLINE>
    """

    book: Book
    built: datetime.date | None

    @property
    def date(self) -> str:
        """The date as it is spoken; any that is no ISO date as it was given; empty without one."""
        day = self._day
        return spoken_date(day) if day else str(self.book.get("book", "date", default=""))

    @property
    def iso(self) -> str:
        """The date as 2026-01-31; the year alone where that is all that is known; or empty."""
        return self._day.isoformat() if self._day else self.year

    @property
    def year(self) -> str:
        """The year, or empty."""
        found = re.search(r"\d{4}", self.date)
        return found[0] if found else ""

    @property
    def _day(self) -> datetime.date | None:
        given = self.book.get("book", "date")
        if not given:
            return self.built
        try:
            return datetime.date.fromisoformat(str(given))
        except ValueError:
            return None

    @property
    def _title(self) -> str:
        subtitle = self.book.get("book", "subtitle")
        return self.book.title + (f": {subtitle}" if subtitle else "")

    @cached_property
    def _cff(self) -> dict[str, Any]:
        file = self.book.folder / "CITATION.cff"
        if not file.is_file():
            return {}
        try:
            found = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            said = " ".join(str(error).split())
            raise BookError("the book cannot be cited", [Fault(file.name, said)]) from None
        return found if isinstance(found, dict) else {}

    def _address(self, page: Page | None) -> str:
        address = absolute(self.book, page.path) if page else absolute(self.book, "")
        return address or ("" if page else str(self._cff.get("url", "")))

    def words(self, page: Page | None = None) -> str:
        """The reference in words: of a chapter, or of the whole book.

        Parameters
        ----------
        page
            The chapter's page; none for the book.
        """
        authors = list(self.book.authors)
        by = " and ".join(filter(None, [", ".join(authors[:-1]), *authors[-1:]]))
        when = f"({self.year or 'n.d.'})"
        parts = [f"{by} {when}"] if by else []
        title = self._title
        if page:
            parts.append(page.plain_title)
            place = f"{'appendix' if page.appendix else 'chapter'} {page.number}"
            title = f"In: {title}" + (f", {place}" if page.number else "")
        parts.append(title)
        if not by:
            parts[0] += f" {when}"
        version = self._cff.get("version")
        parts += [f"Version {version}"] if version else []
        parts += filter(None, [self.book.get("data-title")])
        said = " ".join(part if part.endswith((".", "?", "!")) else f"{part}." for part in parts)
        return f"{said} {self._address(page)}".strip()

    def bibtex(self, page: Page | None = None) -> str:
        """The reference as a BibTeX entry: ``@incollection`` for a chapter, ``@book`` for the book.

        Braces keep the title's capitals and the authors' names whole.

        Parameters
        ----------
        page
            The chapter's page; none for the book.
        """
        whole = f"{{{_tex(self._title)}}}"
        key = re.sub(r"[^A-Za-z0-9]+", "-", Path(self.book.pdf_name).stem).strip("-") + self.year
        fields = {"title": whole}
        if page:
            key += f"-{PurePosixPath(page.path).stem}"
            fields = {"title": f"{{{_tex(page.plain_title)}}}", "booktitle": whole}
        fields |= {
            "author": " and ".join(f"{{{_tex(author)}}}" for author in self.book.authors),
            "chapter": page.number if page else "",
            "year": self.year,
            "version": _tex(str(self._cff.get("version", ""))),
            "doi": _tex(str(self._cff.get("doi", ""))),
            "url": self._address(page),
            "note": _tex(self.book.get("data-title", default="")),
        }
        lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items() if value)
        return f"@{'incollection' if page else 'book'}{{{key},\n{lines}\n}}\n"

    def scholar(self, page: Page | None, path: str, pdf: str | None) -> list[tuple[str, str]]:
        """What search engines for literature read, by the names that Quarto's ``google-scholar`` has.

        Parameters
        ----------
        page
            The chapter's page; none for the front page, which stands for the book.
        path
            The page's path in the site.
        pdf
            The path of the PDF, where there is one. Addresses are given where ``site-url`` is known.

        Returns
        -------
        list of (str, str)
            Name and content of each ``meta`` element.
        """
        book = self.book
        keywords = book.get("keywords", default=[])
        found = [
            ("citation_title", page.plain_title if page else self._title),
            (
                "citation_keywords",
                "; ".join([keywords] if isinstance(keywords, str) else keywords),
            ),
            *(("citation_author", author) for author in book.authors),
            ("citation_publication_date", self.iso),
            ("citation_cover_date", self.iso),
            ("citation_year", self.year),
            ("citation_fulltext_html_url", absolute(book, path)),
            ("citation_pdf_url", absolute(book, pdf) if pdf else ""),
            ("citation_doi", "" if page else str(self._cff.get("doi", ""))),
            ("citation_language", book.language),
            ("citation_inbook_title", self._title if page else ""),
        ]
        return [(name, content) for name, content in found if content]


def reference(entry: dict[str, Any]) -> str:
    """A reference that a page cites, as ``citation_reference`` holds it.

    Parameters
    ----------
    entry
        The reference by the names of CSL; ``year`` and ``authors`` as texts.

    Examples
    --------
    >>> reference({"type": "book", "title": "Bayes", "authors": ["Simon Jackman"], "year": "2009"})
    'citation_title=Bayes;,citation_author=Simon Jackman;,citation_publication_date=2009;'
    """

    def parts() -> Iterator[tuple[str, str]]:
        yield "citation_title", entry.get("title", "")
        for author in entry.get("authors", []):
            yield "citation_author", author
        yield "citation_publication_date", entry.get("year", "")
        for csl, name in REFERENCE.items():
            yield name, entry.get(csl, "")
        first, _, last = str(entry.get("page", "")).replace("–", "-").partition("-")
        yield from (("citation_firstpage", first), ("citation_lastpage", last.lstrip("-")))
        yield (
            CONTAINER.get(entry.get("type", ""), "citation_journal_title"),
            entry.get("container-title", ""),
        )

    return ",".join(f"{name}={content};" for name, content in parts() if content)


def references(entries: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """A ``meta`` element for each reference that a page cites."""
    return [("citation_reference", reference(entry)) for entry in entries]


def _tex(text: str) -> str:
    """A text with the signs that TeX takes for its own made plain."""
    return "".join(TEX.get(sign, sign) for sign in text)
