"""Writes the website: a page a chapter, what the pages share, and the index for the search."""

from __future__ import annotations

import datetime
import itertools
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

from coprod.errors import BookError, Fault
from coprod.render.addresses import absolute, base_path, repository_links, robots, sitemap
from coprod.render.citing import Citing, references
from coprod.render.downloads import FOLDER
from coprod.render.project import CONFIG, Book
from coprod.render.search import write_index

if TYPE_CHECKING:
    from coprod.render.document import Converted

__all__ = ["Heading", "Page", "write_site"]

TEMPLATES = Path(__file__).parent / "templates"
ASSETS = ("style.css", "book.js", "icon.svg")
APPENDICES = "Appendices"
# What a server shows in place of a page that is not there. It is never opened by this name.
LOST = "404.html"


@dataclass(frozen=True)
class Heading:
    """A heading below a chapter's title, for the page's table of contents.

    Attributes
    ----------
    level
        2 for a section, 3 for a subsection, and so on.
    number
        As ``1.1``, or empty.
    html
        The heading's words as HTML, without the number.
    id
        What a link to it names.
    """

    level: int
    number: str
    html: str
    id: str


@dataclass(frozen=True)
class Page:
    """A chapter in HTML.

    Attributes
    ----------
    source, path
        The chapter's file and its page, as ``chapters/one.qmd`` and ``chapters/one.html``.
    number
        As ``1`` or ``A``, or empty.
    appendix
        Whether it stands among the appendices.
    part
        The part that holds it, or none.
    title, plain_title
        The title without the number, as HTML and as plain text.
    body
        The chapter as HTML, without its title.
    headings
        The headings below the title, in order.
    description
        The first paragraph as plain text.
    id
        What a link to the chapter's title names.
    notebook
        Where its notebook stands in the site, or empty.
    cited
        What it cites, by the names of CSL.
    """

    source: str
    path: str
    number: str
    appendix: bool
    part: str | None
    title: str
    plain_title: str
    body: str
    headings: tuple[Heading, ...] = ()
    description: str = ""
    id: str = ""
    notebook: str = ""
    cited: tuple[dict[str, Any], ...] = ()

    @classmethod
    def from_converted(cls, converted: Converted, notebook: str = "") -> Page:
        """The page of a chapter that Pandoc has turned into HTML, and where its notebook stands."""
        entry, parts = converted.chapter.entry, converted.parts
        return cls(
            source=entry.source,
            path=entry.path,
            number=parts["number"],
            appendix=entry.appendix,
            part=entry.part,
            title=parts["title"],
            plain_title=parts["plain_title"],
            body=parts["body"],
            headings=tuple(Heading(**heading) for heading in parts["headings"]),
            description=parts["description"],
            id=parts["id"],
            notebook=notebook,
            cited=tuple(parts["cited"]),
        )

    @property
    def group(self) -> str | None:
        """What the page stands under in the list of chapters."""
        return APPENDICES if self.appendix else self.part

    @property
    def plain_heading(self) -> str:
        """The title with its number, as plain text."""
        number = f"Appendix {self.number} —" if self.number and self.appendix else self.number
        return f"{number} {self.plain_title}".strip()


def write_site(
    book: Book,
    pages: Sequence[Page],
    out: Path,
    made_with: str,
    date: datetime.date | None,
    notice: str,
    paper: bool = True,
) -> None:
    """Write a book's website: pages, styles, scripts and the search index.

    Parameters
    ----------
    book
        The project.
    pages
        The chapters in the order of the book, the front page first.
    out
        The folder that the site goes into. Pictures and files of the chapters are not written here.
    made_with
        What made the book, with versions, for the foot of each page.
    date
        The day of this copy: the date of the book, where ``_quarto.yml`` gives none.
    notice
        What data the book rests on, shown on every page; may be empty.
    paper
        Whether the book also comes as a PDF, which every page then links to.

    Raises
    ------
    BookError
        When a file that ``_quarto.yml`` names is missing, or Pagefind cannot make the index.
    """
    icon = _copy_named(book, out, "icon", book.get("book", "favicon"))
    style = _copy_named(book, out, "style sheet", book.get("format", "html", "css"))
    (out / "assets").mkdir(parents=True, exist_ok=True)
    for name in ASSETS:
        shutil.copyfile(TEMPLATES / name, out / "assets" / name)

    loader = jinja2.FileSystemLoader(TEMPLATES)
    environment = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("page.html")
    citing = Citing(book, date)
    pdf = book.pdf_name if paper else None
    shared: dict[str, Any] = {
        "book": book,
        "groups": [
            (group, list(members))
            for group, members in itertools.groupby(pages, key=lambda page: page.group)
        ],
        "made_with": made_with,
        "date": citing.date,
        "notice": notice,
        "paper": paper,
        "citation": _write_citation(book, out, citing),
        "icon": icon or "assets/icon.svg",
        "style": style,
        "footer": [book.get("book", "page-footer", side) for side in ("left", "center", "right")],
        "trusted": Markup,
        # What a page that is there has, and the one in its place has not.
        **{"lost": False, "front": False, "previous": None, "following": None},
        **{"headings": (), "address": "", "found": (), "cite": None, "actions": ()},
    }
    depth = book.get("format", "html", "toc-depth", default=3)
    contents = book.get("format", "html", "toc", default=True)
    cite = book.get("citation", default=False)
    scholar = book.get("google-scholar", default=False)
    for previous, page, following in _with_neighbours(pages):
        front = page is pages[0]
        chapter = None if front else page
        found = citing.scholar(chapter, page.path, pdf) + references(page.cited) if scholar else []
        text = template.render(
            shared,
            page=page,
            front=front,
            previous=previous,
            following=following,
            headings=[heading for heading in page.headings if contents and heading.level <= depth],
            root="../" * page.path.count("/"),
            address=absolute(book, page.path),
            found=found,
            cite={"words": citing.words(chapter), "bibtex": citing.bibtex(chapter)}
            if cite
            else None,
            actions=repository_links(book, page.source),
        )
        _write(out / page.path, text + "\n")
    lost = Page("", LOST, "", False, None, "There is no such page", "There is no such page", "")
    text = template.render(shared, page=lost, lost=True, root=base_path(book))
    _write(out / LOST, text + "\n")
    if absolute(book, ""):
        _write(out / "sitemap.xml", sitemap(book, [page.path for page in pages], citing.iso))
        _write(out / "robots.txt", robots(book))
    write_index(out)


def _write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8", newline="\n")


def _with_neighbours(pages: Sequence[Page]) -> Iterator[tuple[Page | None, Page, Page | None]]:
    return zip([None, *pages[:-1]], pages, [*pages[1:], None], strict=True)


def _copy_named(book: Book, out: Path, what: str, name: str | None) -> str | None:
    """Copy a file that ``_quarto.yml`` names to its own place in the site."""
    if name is None:
        return None
    if not (book.folder / name).is_file():
        raise BookError(
            "the book cannot be rendered",
            [Fault(CONFIG, f"the {what} '{name}' does not exist", "mend the path")],
        )
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(book.folder / name, out / name)
    return name


def _write_citation(book: Book, out: Path, citing: Citing) -> str | None:
    """Write the book's BibTeX entry, and say where, if the book offers downloads."""
    if not book.get("data-downloads", default=False):
        return None
    file = out / FOLDER / f"{Path(book.pdf_name).stem}.bib"
    _write(file, citing.bibtex())
    return f"{FOLDER}/{file.name}"
