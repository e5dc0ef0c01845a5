"""Which cell and which functions make each figure and table: read off the chapters' code."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coprod.render.chapter import Chapter, read_chapters
from coprod.render.project import open_book
from coprod.render.told import told

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["book_programs", "program_rows", "programs"]

COLUMNS = ["label", "caption", "file", "shown_by", "computed_by"]


def programs(chapters: Sequence[Chapter]) -> pd.DataFrame:
    """Where every figure and table of a book comes from.

    The code is read, not run. A name that a cell uses is followed to the cells of its chapter that
    gave it its value, until functions of `coprod` are reached.

    Parameters
    ----------
    chapters
        Chapters as :func:`coprod.render.chapter.read_chapters` gives them.

    Returns
    -------
    DataFrame
        One row a cell that makes a figure or table, in the order of the book: `label` (of the cell),
        `caption`, `file` (of the chapter), `shown_by` (functions of `coprod.show` that the cell
        itself calls) and `computed_by` (functions of `coprod` outside `coprod.show` that its data
        come from), both lists of full names in the order of their use.

    Examples
    --------
    >>> from coprod.paths import PROJECT
    >>> from coprod.render.chapter import read_chapters
    >>> from coprod.render.project import open_book
    >>> table = programs(read_chapters(open_book(PROJECT))).set_index("label")
    >>> table.loc["fig-levels-issue", "shown_by"]
    ['coprod.show.figures.levels_by_issue']
    >>> table.loc["fig-levels-issue", "computed_by"]
    ['coprod.levels.means', 'coprod.open_panel']
    """
    import pandas as pd

    return pd.DataFrame(program_rows(chapters), columns=COLUMNS)


def program_rows(chapters: Sequence[Chapter]) -> list[dict[str, Any]]:
    """The rows of :func:`programs`: a build needs no frame, which takes a second to import."""
    rows = []
    for chapter in chapters:
        cells = [(cell, _parsed(cell.text)) for cell in chapter.cells if cell.runs]
        known = _imported(tree for _, tree in cells)
        made: dict[str, _Use] = {}
        for cell, tree in cells:
            assigned = _assigned(tree, known)
            if cell.float:
                whole = _uses(tree, known)
                shown = [
                    name
                    for name in whole.functions
                    if name.startswith("coprod.show.") and not name.startswith("coprod.show.words.")
                ]
                rows.append(
                    {
                        "label": cell.label,
                        "caption": cell.options.get(f"{cell.float}-cap", ""),
                        "file": cell.start.file,
                        "shown_by": shown,
                        "computed_by": _followed(whole, made | assigned),
                    }
                )
            for name, use in assigned.items():
                made[name] = made[name].with_more(use) if name in made else use
    return rows


def _parsed(code: str) -> ast.Module:
    """The tree of a cell's code; an empty one where it is no Python, which running it will say."""
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def book_programs(folder: Path) -> pd.DataFrame:
    """The same of the book that is being made, and else of that in a folder."""
    given = told("programs")
    if given is None:
        return programs(read_chapters(open_book(folder)))
    import pandas as pd

    return pd.DataFrame(given, columns=COLUMNS)


@dataclass(frozen=True)
class _Use:
    """What a piece of code uses: functions of `coprod` by their full names, and other names."""

    functions: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def with_more(self, other: _Use) -> _Use:
        return _Use([*self.functions, *other.functions], [*self.names, *other.names])


def _imported(trees: Iterable[ast.Module]) -> dict[str, str]:
    """The full name behind each name that a chapter imports."""
    known: dict[str, str] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                known |= {n.asname or n.name: f"{node.module}.{n.name}" for n in node.names}
            elif isinstance(node, ast.Import):
                known |= {n.asname: n.name for n in node.names if n.asname}
                known |= {
                    (top := n.name.partition(".")[0]): top for n in node.names if not n.asname
                }
    return known


class _Reader(ast.NodeVisitor):
    """Collects what stands in a piece of code, each once, in its order."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self.known = known
        self.functions: dict[str, None] = {}
        self.names: dict[str, None] = {}

    def visit_Attribute(self, node: ast.Attribute) -> None:
        full = _full_name(node, self.known)
        if full:
            self.add(full)
        else:
            self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in self.known:
            self.add(self.known[node.id])
        elif isinstance(node.ctx, ast.Load):
            self.names[node.id] = None

    def add(self, full: str) -> None:
        # What is written large is a constant or a class, not a function.
        if full.startswith("coprod.") and full.rpartition(".")[2].islower():
            self.functions[full] = None


def _uses(tree: ast.AST, known: Mapping[str, str]) -> _Use:
    reader = _Reader(known)
    reader.visit(tree)
    return _Use(list(reader.functions), list(reader.names))


def _full_name(node: ast.AST, known: Mapping[str, str]) -> str | None:
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Attribute):
        before = _full_name(node.value, known)
        return f"{before}.{node.attr}" if before else None
    return None


def _assigned(tree: ast.Module, known: Mapping[str, str]) -> dict[str, _Use]:
    """What each name that a cell gives a value to comes from, in that cell."""
    made: dict[str, _Use] = {}
    for node in ast.walk(tree):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign | ast.For | ast.NamedExpr):
            targets = [node.target]
        names = [n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)]
        if isinstance(node, ast.FunctionDef):
            names = [node.name]
        for name in names:
            use = _uses(node, known)
            made[name] = made[name].with_more(use) if name in made else use
    return made


def _followed(use: _Use, made: Mapping[str, _Use]) -> list[str]:
    """The functions outside `coprod.show` that a use leads to, through the names it rests on."""
    found: dict[str, None] = {}
    seen: set[str] = set()
    waiting = [use]
    while waiting:
        here = waiting.pop(0)
        found |= dict.fromkeys(f for f in here.functions if not f.startswith("coprod.show."))
        fresh = [name for name in here.names if name in made and name not in seen]
        seen |= set(fresh)
        waiting += [made[name] for name in fresh]
    return list(found)
