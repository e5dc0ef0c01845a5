"""Small books for the tests of the renderer."""

from __future__ import annotations

from pathlib import Path

CONFIG = """\
project:
  type: book
book:
  title: "A small book"
  author:
    - name: Ada Example
  chapters:
    - index.qmd
    - chapters/one.qmd
    - chapters/references.qmd
bibliography: references.bib
lang: en-GB
citeproc: true
format:
  html:
    code-fold: true
  typst:
    toc: true
"""

FILES = {
    "_quarto.yml": CONFIG,
    "index.qmd": "# Preface {.unnumbered}\n\nA book, with [one chapter](chapters/one.qmd).\n",
    "chapters/one.qmd": (
        "# One {#sec-one}\n\nThe sum is `{python} 1 + 1`, as @jackman2009 would say.\n\n"
        "```{python}\n#| label: add\nprint(2 + 3)\n```\n\nSee @sec-one.\n"
    ),
    "chapters/references.qmd": "# References {.unnumbered}\n\n::: {#refs}\n:::\n",
    "references.bib": (
        "@book{jackman2009,\n  author = {Jackman, Simon}, title = {Bayesian Analysis},\n"
        "  publisher = {Wiley}, year = {2009}\n}\n"
    ),
}

# The first chapter with nothing to run, line for line: no kernel has to start.
WORDS = (
    FILES["chapters/one.qmd"]
    .replace("`{python} 1 + 1`", "two")
    .replace("```{python}", "```")
    .replace("#|", "#")
)


def write_book(folder: Path, **changes: str) -> Path:
    """Write a small book, with some of its files changed.

    A change is named after its file, ``one`` for ``chapters/one.qmd``, ``config`` for ``_quarto.yml``;
    an empty text leaves the file out.
    """
    names = {Path(name).stem: name for name in FILES if name.endswith(".qmd")}
    names |= {"config": "_quarto.yml", "bib": "references.bib"}
    files = FILES | {names.get(key, key): text for key, text in changes.items()}
    for name, text in files.items():
        if text:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return folder


def old_book(project: Path) -> Path:
    """The folder of a project's book, as an earlier build has left it."""
    old = project / "_book"
    old.mkdir()
    (old / "index.html").write_text("the old book")
    (old / "build.json").write_text("{}")
    return old
