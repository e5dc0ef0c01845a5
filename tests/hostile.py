"""Texts that do harm where they are not taken for texts, and a questionnaire in which all labels are such."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from types import ModuleType, SimpleNamespace
from typing import Any

import pandas as pd

from coprod.instrument import Variable
from coprod.panel import Panel

__all__ = ["FLAG", "SECRET", "TEXTS", "Relabelled", "formulas", "hostile", "squeezed", "unseen"]

NUMBER = re.compile(r"-?inf|-?\d+(\.\d+)?(e[-+]\d+)?")
GROUPS = ("areas", "arms", "issues", "answers", "forms")
FORMULA = ("=", "+", "-", "@", "\t", "\r")

FLAG = "broken"
"""What a script of these texts sets on the window."""

SECRET = "nobody-should-read-this"
"""What stands in the file `secret.txt`, which some of these texts try to read."""

_RUN = f"window.{FLAG}=1"

TEXTS = (
    # HTML and scripts: classics of the public lists, and what ends an attribute, a title or a comment.
    f"<script>{_RUN}</script>",
    f"<img src=x onerror={_RUN}>",
    f"<svg onload={_RUN}>",
    f'"><script>{_RUN}</script>',
    f"'><img src=x onerror={_RUN}>",
    f"</title><script>{_RUN}</script>",
    f"</script><script>{_RUN}</script>",
    f"</style><script>{_RUN}</script>",
    f"--><script>{_RUN}</script><!--",
    f"]]><script>{_RUN}</script>",
    f'" onmouseover="{_RUN}" x="',
    f"<a href='javascript:{_RUN}'>here</a>",
    f"javascript:{_RUN}",
    f"<iframe srcdoc='<script>parent.{FLAG}=1</script>'>",
    f"<details open ontoggle={_RUN}>",
    f"<body onload={_RUN}>",
    f"<math><mtext></p><img src=x onerror={_RUN}>",
    "<style>*{display:none}</style>",
    "<h1>Heading</h1><table><tr><td>",
    "&lt;script&gt; &amp; &#60;b&#62;",
    "%3Cscript%3E \\x3cscript\\x3e",
    "{{constructor.constructor('x')()}}",
    f"{{{{<b onclick={_RUN}>}}}}",
    "${7*7} {{7*7}} #{7*7} <%= 7*7 %>",
    # Markdown, Pandoc and Quarto.
    f"[link](javascript:{_RUN})",
    "![picture](secret.txt)",
    "**bold** _it_ ~~out~~ ^up^ ~down~",
    "`{python} open('secret.txt').read()`",
    "``` {=html}",
    f"`<script>{_RUN}</script>`{{=html}}",
    "{{< include secret.txt >}}",
    "{{< env HOME >}}",
    "::: {.callout-note}",
    "::: {.content-hidden when-format=html}",
    "[@nobody2020] and @fig-nowhere",
    "[^1] and ^[a note]",
    "# Heading {#sec-one}",
    "- item",
    "a | b | c",
    "$x^2$ and $$\\frac{1}{0}$$",
    "a price of $5 or 6$, or $",
    "<!-- unseen",
    "\\",
    "http://example.org/<here>",
    # Typst, LaTeX and YAML.
    '#read("secret.txt")',
    '#eval("1/0")',
    '#image("secret.txt") #panic()',
    '"; #read("secret.txt") ; "',
    "] #pagebreak() [",
    "<label> @label /* unseen */ // rest",
    "\\input{secret.txt}",
    "\\write18{touch x} $\\input secret$",
    "\\u{0} \\u{202e} \\n",
    'key: "value" # comment',
    "!!python/object/apply:os.system [x]",
    # Spreadsheets.
    "=HYPERLINK(\"http://example.org\",\"x\")",
    "+1+1",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r\n=1+1",
    "a;=1+1",
    # What nobody sees, what nothing fits, and names that others take for their own.
    "\u202egnp.\u2066exe\u2069",
    "NUL \x00 and \x1b[31mred\x1b[0m \x07",
    "half \ud800 of a character",
    "line\nbreak",
    "very long " * 30,
    "_hidden",
    "secret",
    "[bold red]rich[/]",
    "{} %s %(x)s {0.__class__}",
    "Llŷn, Ynys Môn",
)  # fmt: skip


def squeezed(text: str) -> str:
    """A text without white space, which is laid out differently everywhere."""
    return re.sub(r"\s", "", text)


def unseen(text: str) -> list[str]:
    """Characters that nobody sees and programs act on."""
    return [c for c in text if c != "\n" and unicodedata.category(c)[0] == "C"]


def formulas(text: str) -> list[str]:
    """Cells of a CSV that a spreadsheet would compute."""
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    found = [cell for cell in cells if cell.lstrip().startswith(FORMULA)]
    return [cell for cell in found if not NUMBER.fullmatch(cell)]


class _Next:
    """One text after the other, each with a number, so that no two labels are alike."""

    def __init__(self, first: int) -> None:
        self.numbers = count(first)

    def __call__(self) -> str:
        number = next(self.numbers)
        return f"{TEXTS[number % len(TEXTS)]} {number}"

    def labels(self, known: Mapping[Any, str]) -> dict[Any, str]:
        return {name: self() for name in known}


def hostile(panel: Panel, first: int = 0) -> Panel:
    """A panel in which every label, question and text of the questionnaire is hostile, and its name too.

    Parameters
    ----------
    panel
        The panel.
    first
        Which of the texts comes first.
    """
    known, text = panel.instrument, _Next(first)
    groups: dict[str, Any] = {name: text.labels(getattr(known, name)) for name in GROUPS}
    levels = {"area": groups["areas"], "arm": groups["arms"], "nudge_issue": groups["issues"]}

    def changed(variable: Variable) -> Variable:
        return replace(
            variable,
            label=text(),
            question=text() if variable.question else "",
            levels=levels.get(variable.name) or text.labels(variable.levels),
            bands=text.labels(variable.bands),
        )

    instrument = replace(
        known,
        variables={name: changed(variable) for name, variable in known.variables.items()},
        nations=text.labels(known.nations),
        shown=text.labels(known.shown),
        title=text(),
        **groups,
    )
    return replace(panel, instrument=instrument)


class Relabelled:
    """A panel with hostile labels, and what else must be relabelled when results of the old one are shown.

    Attributes
    ----------
    panel
        The panel.
    labels
        The old labels, each with what stands in its place.
    """

    def __init__(self, known: Panel, frame: pd.DataFrame) -> None:
        self.panel = hostile(replace(known, frame=frame))
        self.labels: dict[str, str] = {}
        old, new = known.instrument, self.panel.instrument
        for name in GROUPS:
            for key, said in getattr(old, name).items():
                self.labels[said] = getattr(new, name)[key]
        for name, variable in old.variables.items():
            here = new.variables[name]
            self.labels[variable.label] = here.label
            for key, said in [*variable.levels.items(), *variable.bands.items()]:
                self.labels[str(said)] = {**here.levels, **here.bands}[key]

    def changed(self, given: Any) -> Any:
        """A text, or whatever holds texts, with hostile labels in place of the old ones."""
        if isinstance(given, str):
            return self.labels.get(given, given)
        if isinstance(given, pd.DataFrame):
            texts = given.select_dtypes(["object", "str", "category"]).astype(object)
            return given.assign(**texts.map(self.changed))
        if isinstance(given, tuple):
            return tuple(map(self.changed, given))
        if isinstance(given, dict):
            return {key: self.changed(value) for key, value in given.items()}
        return given

    def of(self, module: ModuleType) -> SimpleNamespace:
        """A module of functions that relabel whatever they are given."""

        def relabelling(function: Callable[..., Any]) -> Callable[..., Any]:
            return lambda *given: function(*map(self.changed, given))

        return SimpleNamespace(
            **{name: relabelling(getattr(module, name)) for name in module.__all__}
        )

    def shown(self, text: str) -> set[str]:
        """The hostile labels that a text shows, in whatever case and lines."""
        whole = squeezed(text).lower()
        return {label for label in self.labels.values() if squeezed(label).lower() in whole}
