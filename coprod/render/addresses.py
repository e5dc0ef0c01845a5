"""Where a book stands on the web, and where its sources do: ``site-url`` and ``repo-url``."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from urllib.parse import quote, urlsplit

from coprod.render.project import Book

__all__ = ["absolute", "base_path", "repository_links", "robots", "sitemap"]

# As Quarto names and finds them on GitHub and what is like it.
ACTIONS = {
    "edit": ("Edit this page", "{repo}/edit/{branch}/{source}"),
    "source": ("View its source", "{repo}/blob/{branch}/{source}"),
    "issue": ("Report an issue", "{repo}/issues/new"),
}


def absolute(book: Book, path: str) -> str:
    """The address of a file of the site; empty where ``site-url`` is not known.

    Parameters
    ----------
    book
        The project.
    path
        The file's path in the site.
    """
    site = str(book.get("book", "site-url", default=""))
    return f"{site.rstrip('/')}/{quote(path)}" if site else ""


def base_path(book: Book) -> str:
    """The path of the site on its server, with a slash at its end.

    It is all that a page can rely on that is shown in the place of another. Without ``site-url`` the
    site is taken to stand at the top.

    Parameters
    ----------
    book
        The project.
    """
    return urlsplit(str(book.get("book", "site-url", default=""))).path.rstrip("/") + "/"


def repository_links(book: Book, source: str) -> list[tuple[str, str]]:
    """What a reader can do with a chapter where its sources are kept.

    Parameters
    ----------
    book
        The project, with ``repo-url``, ``repo-actions``, ``repo-branch`` and ``repo-subdir``.
    source
        The chapter's file.

    Returns
    -------
    list of (str, str)
        Words and address. Without ``repo-actions`` a chapter can be edited.
    """
    repo = str(book.get("book", "repo-url", default="")).rstrip("/")
    if urlsplit(repo).scheme not in ("http", "https"):
        return []
    asked = book.get("book", "repo-actions", default=["edit"])
    folder = str(book.get("book", "repo-subdir", default="")).strip("/")
    place = {
        "repo": repo,
        "branch": quote(str(book.get("book", "repo-branch", default="main"))),
        "source": quote(f"{folder}/{source}" if folder else source),
    }
    return [
        (ACTIONS[action][0], ACTIONS[action][1].format(**place))
        for action in ([asked] if isinstance(asked, str) else asked)
        if action in ACTIONS
    ]


def sitemap(book: Book, paths: Iterable[str], day: str) -> str:
    """All pages of the site, for search engines.

    Parameters
    ----------
    book
        The project, of which ``site-url`` is known.
    paths
        The pages' paths in the site.
    day
        The day of this copy, as 2026-01-31, or empty.
    """
    changed = f"<lastmod>{day}</lastmod>" if day else ""
    pages = "".join(
        f"  <url><loc>{escape(absolute(book, path), quote=False)}</loc>{changed}</url>\n"
        for path in paths
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{pages}</urlset>\n'
    )


def robots(book: Book) -> str:
    """Where search engines find the sitemap."""
    return f"Sitemap: {absolute(book, 'sitemap.xml')}\n"
