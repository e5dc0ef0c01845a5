"""What a panel cannot support: a sentence in place of a number, a figure or a table.

A statistic that a panel does not allow raises `ValidityError`. In a chapter's kernel that does not stop
the book: the sentence is kept, and stands wherever the result would have stood. Any other error does.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NoReturn

from IPython.core.getipython import get_ipython

from coprod.errors import ValidityError
from coprod.show.words import plain

__all__ = ["Absent", "Guard", "Note", "guard_cells", "if_told", "marked", "needs", "sentence"]

GUARD = "_absent_guard"
"""The name of the guard in a kernel; the code of every cell calls it."""


def sentence(error: ValidityError) -> str:
    """What an error says, as a sentence of prose.

    Examples
    --------
    >>> sentence(ValidityError("this panel has no experiment"))
    'This panel has no experiment.'
    """
    said = " ".join(str(error).split())
    return f"{said[:1].upper()}{said[1:].rstrip('.')}."


def marked(error: ValidityError) -> str:
    r"""The sentence as Markdown, marked so that the book can take out the prose around it.

    Examples
    --------
    >>> marked(ValidityError("no experiment"))
    '[*No experiment\\.*]{.absent}'
    """
    return f"[*{plain(sentence(error))}*]{{.absent}}"


def needs(given: object, otherwise: str) -> str:
    """Nothing, for prose that holds only where something is given; else the reason why it does not.

    Parameters
    ----------
    given
        What the prose needs.
    otherwise
        The sentence that stands in its place.

    Raises
    ------
    ValidityError
        With that sentence.

    Examples
    --------
    >>> needs(True, "this panel has no experiment")
    ''
    """
    if not given:
        raise ValidityError(otherwise)
    return ""


def if_told(say: Callable[[], str]) -> str:
    """A part of a paragraph; nothing where the panel does not tell it, so that the rest can stay.

    For what is told further down the page as well, where the reason stands in its place.

    Parameters
    ----------
    say
        What gives the words.

    Examples
    --------
    >>> if_told(lambda: "Some do."), if_told(lambda: needs(False, "nobody was asked"))
    ('Some do.', '')
    """
    try:
        return say()
    except ValidityError:
        return ""


@dataclass(frozen=True)
class Note:
    """The sentence where a figure or a table would stand."""

    error: ValidityError

    def _repr_markdown_(self) -> str:
        return marked(self.error)

    def __repr__(self) -> str:
        return sentence(self.error)


class Absent:
    """A result that there is not. Whatever one does with it says why, by the error that it came of."""

    def __init__(self, error: ValidityError) -> None:
        self.__dict__["error"] = error

    def __repr__(self) -> str:
        return f"<absent: {sentence(self.error)}>"

    def _raise(self, *_: object, **__: object) -> NoReturn:
        # A new error each time, since one that is raised again gathers tracebacks.
        raise ValidityError(self.error.summary, self.error.faults)

    def __getattr__(self, name: str) -> NoReturn:
        self._raise()

    __setattr__ = __call__ = __getitem__ = __setitem__ = __delitem__ = __contains__ = _raise
    __iter__ = __next__ = __reversed__ = __len__ = __bool__ = __hash__ = _raise
    __str__ = __format__ = __int__ = __float__ = __index__ = __complex__ = _raise
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _raise
    __neg__ = __pos__ = __abs__ = __invert__ = __round__ = _raise
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _raise
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _raise
    __pow__ = __rpow__ = __matmul__ = __rmatmul__ = _raise
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _raise
    __enter__ = __exit__ = _raise
    __dataclass_fields__ = property(_raise)  # for `dataclasses.replace`, which asks nothing else


class Guard(ast.NodeTransformer):
    r"""Keeps the errors of a cell's statements that say what a panel cannot support.

    Parameters
    ----------
    names
        The names of the kernel, in which an absent result is kept.

    Examples
    --------
    >>> names = {}
    >>> def mean():
    ...     raise ValidityError("nobody answered")
    >>> Guard(names).run("level = mean()\ndouble = 2 * level", {"mean": mean})
    >>> names["double"]
    <absent: Nobody answered.>
    """

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names

    def visit(self, node: ast.AST) -> ast.AST:
        """The cell with each statement under guard; the last expression gives what is shown."""
        if not isinstance(node, ast.Module):
            return node
        last = len(node.body) - 1
        body = [
            self._shown(statement)
            if index == last and isinstance(statement, ast.Expr)
            else self._guarded(statement)
            for index, statement in enumerate(node.body)
        ]
        return ast.fix_missing_locations(ast.Module(body=body, type_ignores=node.type_ignores))

    def run(self, code: str, given: dict[str, Any]) -> Any:
        """Run a cell outside a kernel, and give what it would show."""
        self.names.update(given)
        self.names[GUARD] = self
        tree = self.visit(ast.parse(code))
        assert isinstance(tree, ast.Module)
        *body, last = tree.body or [ast.Pass()]
        shown = isinstance(last, ast.Expr)
        module = ast.fix_missing_locations(
            ast.Module(body=body if shown else [*body, last], type_ignores=[])
        )
        exec(compile(module, "<cell>", "exec"), self.names)
        if not isinstance(last, ast.Expr):
            return None
        return eval(compile(ast.Expression(last.value), "<cell>", "eval"), self.names)

    def keep(self, *names: str) -> _Kept:
        """A context that lets no such error out, and binds the names to what is then absent."""
        return _Kept(self.names, names)

    def show(self, compute: Callable[[], Any]) -> Any:
        """What an expression gives, or the note that stands in its place."""
        try:
            value = compute()
            return Note(value.error) if isinstance(value, Absent) else value
        except ValidityError as error:
            _forget_pictures()
            return Note(error)

    def _guarded(self, statement: ast.stmt) -> ast.stmt:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            return statement
        found = _Bound()
        found.visit(statement)
        names: list[ast.expr] = [ast.Constant(name) for name in found.names]
        context = ast.withitem(ast.Call(_method("keep"), names, []))
        return ast.copy_location(ast.With([context], [statement]), statement)

    def _shown(self, statement: ast.Expr) -> ast.stmt:
        if any(isinstance(node, ast.Await) for node in ast.walk(statement)):
            return statement
        nothing = ast.arguments([], [], None, [], [], None, [])
        compute = ast.copy_location(ast.Lambda(nothing, statement.value), statement)
        call = ast.Call(_method("show"), [compute], [])
        return ast.copy_location(ast.Expr(call), statement)


class _Kept:
    """See `Guard.keep`."""

    def __init__(self, kernel: dict[str, Any], names: Sequence[str]) -> None:
        self.kernel, self.names = kernel, names

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if not isinstance(error, ValidityError):
            return False
        _forget_pictures()
        self.kernel.update({name: Absent(error) for name in self.names})
        return True


class _Bound(ast.NodeVisitor):
    """The names that a statement binds in its own scope."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self.names.append(node.id)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.ClassDef) -> None:
        self.names.append(node.name)

    visit_ClassDef = visit_FunctionDef

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        self.names += [(name.asname or name.name).partition(".")[0] for name in node.names]

    visit_ImportFrom = visit_Import

    def visit_ListComp(self, node: ast.AST) -> None:
        """What a comprehension or a lambda binds stays inside it."""

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_Lambda = visit_ListComp


def _method(name: str) -> ast.Attribute:
    return ast.Attribute(ast.Name(GUARD, ast.Load()), name, ast.Load())


def _forget_pictures() -> None:
    """Close what was begun to be drawn, since a kernel shows every picture that is open."""
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


def guard_cells() -> None:
    """Put the cells and inline expressions of this kernel under guard, from the next cell on.

    It works alike in a kernel that the book's own engine runs and in one that Quarto runs. Outside a
    kernel it does nothing.
    """
    shell = get_ipython()
    if shell is None or GUARD in shell.user_ns:
        return
    guard = Guard(shell.user_ns)
    shell.push({GUARD: guard}, interactive=False)
    shell.ast_transformers.append(guard)
    # Quarto has each inline expression evaluated by this method, and stops where one fails.
    evaluate = shell.user_expressions

    def guarded(expressions: dict[str, str]) -> dict[str, Any]:
        calls = {key: f"{GUARD}.show(lambda: ({code}))" for key, code in expressions.items()}
        return dict(evaluate(calls))

    shell.user_expressions = guarded  # type: ignore[method-assign]
