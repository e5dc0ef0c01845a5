"""What a campaign edits: whatever somebody may change of a book, of its data and of the package that makes it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

__all__ = [
    "BREAKING",
    "BREAKING_WHOLE",
    "CONFIG",
    "EDITING",
    "EDITING_WHOLE",
    "OWN",
    "PACKAGE",
    "Edit",
    "added",
    "either",
    "number",
]

PACKAGE = "package:"
"""What starts the name of a file of the package and not of the book."""


@dataclass(frozen=True)
class Edit:
    """What somebody may change: of which kind it is, in which file, and how."""

    kind: str
    file: str
    change: Callable[[str, random.Random], str]


def number(before: str, after: str = "") -> Callable[[str, random.Random], str]:
    """Another number of three digits in its place, so that the file keeps its size."""
    pattern = re.compile(rf"({before})\d{{3}}({after})")

    def change(text: str, drawn: random.Random) -> str:
        assert pattern.search(text), f"no {before}"
        return pattern.sub(lambda found: f"{found[1]}{drawn.randrange(100, 1000)}{found[2]}", text)

    return change


def either(one: str, other: str) -> Callable[[str, random.Random], str]:
    """One text in the place of the other, whichever is there."""

    def change(text: str, drawn: random.Random) -> str:
        assert one in text or other in text, f"neither {one} nor {other}"
        return text.replace(one, other, 1) if one in text else text.replace(other, one, 1)

    return change


def added(words: str) -> Callable[[str, random.Random], str]:
    """Words at the end, with a number in them."""
    return lambda text, drawn: f"{text}{words % drawn.randrange(100, 1000)}"


INDEX, ONE, TWO, OWN = "index.qmd", "chapters/one.qmd", "chapters/two.qmd", "chapters/package.qmd"
CONFIG = "_quarto.yml"
EDITING = (
    Edit("prose", INDEX, added("\nA sentence, the %dth.\n")),
    Edit("prose", ONE, either("shows the four values", "shows all four values")),
    Edit("prose", TWO, either("Back to @fig-bars", "Again to @fig-bars")),
    Edit("prose", TWO, either("# Tables and words", "# Words and tables")),
    Edit("prose", OWN, number("is edited ")),
    Edit("cell", ONE, either("[2, 3, 5, 7]", "[2, 3, 5, 8]")),
    Edit("cell", TWO, either("61.25", "62.25")),
    Edit("cell", OWN, number(r"\{", r"\} \|")),
    Edit("inline", ONE, either("{python} total", "{python} total + 1")),
    Edit("option", ONE, either("#| echo: false", "#| echo: true")),
    Edit("option", ONE, either("#| layout-ncol: 2", "#| layout-ncol: 1")),
    Edit("option", TWO, either("A data frame", "A frame of data")),
    Edit("option", OWN, number("package says, ")),
    Edit("option", ONE, either("Bar chart of four", "Chart of four")),
    Edit("include", "chapters/_shared.qmd", added("\nAnd one, the %dth.\n")),
    Edit("bibliography", "references.bib", either("year", "year ")),
    Edit("bibliography", "references.bib", number(r"year\s*=\s*\{2", "")),
    Edit("style sheet", "style.css", number("margin: ")),
    Edit("settings", CONFIG, either("Conformance book", "Book of conformance")),
    Edit("settings", CONFIG, either("echo: true", "echo: false")),
    Edit("settings", CONFIG, either("code-fold: true", "code-fold: show")),
    Edit("settings", CONFIG, either("Ada Example", "Eve Example")),
    Edit("settings", CONFIG, either("toc: true", "toc: false")),
    Edit("settings", CONFIG, either("Synthetic data", "Data of no one")),
    Edit("data beside", "chapters/beside.txt", added("%d ")),
    Edit("data beside", "chapters/helper.py", number("ADDED = ")),
    Edit("data beside", "chapters/.hidden", number("")),
    Edit("data beside", "chapters/column.csv", number("")),
    Edit("data beside", "../away.txt", number("")),
    Edit("data beside", "chapters/square.png", lambda text, drawn: text),
    Edit("resource", "chapters/files/levels.csv", added("x,%d\n")),
    Edit("data", f"{PACKAGE}data/panel.csv", number("synthetic,R0001,A,0.", "")),
    Edit("data", f"{PACKAGE}data/panel.csv", either("0.754727,94", "0.754727,49")),
    Edit("data", f"{PACKAGE}data/codebook.yml", added("# %d\n")),
    Edit("package", f"{PACKAGE}coprod/edited.py", number("NUMBER = ")),
    Edit("package", f"{PACKAGE}coprod/edited.py", number("NUMBER = ")),
    Edit("package", f"{PACKAGE}coprod/render/kernel.py", added("# %d\n")),
    Edit("package", f"{PACKAGE}coprod/render/site.py", either("Appendix {self", "Annex {self")),
    Edit("filter", f"{PACKAGE}coprod/render/filters/web.lua", added("\n-- %d\n")),
    Edit("template", f"{PACKAGE}coprod/render/templates/page.html", either("Made with", "Done by")),
    Edit("template", f"{PACKAGE}coprod/render/templates/paper.typ", either("#1d1d1f", "#1d1d2f")),
    Edit("template", f"{PACKAGE}coprod/render/templates/style.css", added("\n/* %d */\n")),
    Edit("lock file", f"{PACKAGE}requirements.lock", added("# %d\n")),
)
# What no book can be made of. The next edit takes it back.
BREAKING = (
    Edit("broken", TWO, added("\nSee @fig-none%d.\n")),
    Edit("broken", ONE, added("\n```{python}\n1 / (%d - %d)\n```\n".replace("- %d", "* 0"))),
    Edit("broken", OWN, added("\n```{python}\n#| no-such: %d\n```\n")),
    Edit("broken", OWN, added("\n{{< include _none%d.qmd >}}\n")),
    Edit("broken", CONFIG, added("\nno-such-key: %d\n")),
    Edit("broken", "references.bib", added("\n@book{broken%d,\n")),
    Edit("broken", f"{PACKAGE}coprod/edited.py", added("\nraise RuntimeError('no %d')\n")),
)

# Of this book itself, whose package and data are its own.
LEVELS, NUDGES, ROBUSTNESS = "chapters/levels.qmd", "chapters/nudges.qmd", "chapters/robustness.qmd"
CLAIMS, GAPS = "data/claims.yml", 'gaps = levels.gaps(panel, by=("issue",))'
EDITING_WHOLE = (
    Edit("prose", LEVELS, either("Each picture shows one issue.", "Each picture shows an issue.")),
    Edit("prose", LEVELS, either("## What people do {#", "## What they do {#")),
    Edit("prose", NUDGES, added("\nA sentence, the %dth.\n")),
    Edit("prose", ROBUSTNESS, added("\nA sentence, the %dth, of @bovaird2016.\n")),
    Edit("cell", LEVELS, either(f"{GAPS}\n", f'{GAPS}; gaps["gap"] += 1\n')),
    Edit("cell", NUDGES, either('["p_holm"] < 0.05).sum())', '["p_holm"] < 0.95).sum())')),
    Edit("inline", LEVELS, either('number(gap["gap"], 1)', 'number(gap["gap"], 2)')),
    Edit("option", LEVELS, either('"How often people do', '"How many times people do')),
    Edit("include", "chapters/_notice.qmd", added("\nA note, the %dth.\n")),
    Edit("bibliography", "references.bib", either("Activating", "Enlivening")),
    Edit("settings", CONFIG, either("Alone and together", "Together and alone")),
    Edit("data", "data/panel.csv", either("0.754727,94,woman", "0.754727,49,woman")),
    Edit("data", CLAIMS, either("lower: 0.05", "lower: 0.06")),
    Edit("data", CLAIMS, either("The two forms have different", "Both forms have different")),
    Edit("package", "coprod/imputation.py", number("SEED = 20160")),
    Edit(
        "package", "coprod/show/words.py", either("low, decimals)} to {", "low, decimals)} and {")
    ),
    Edit("package", "coprod/levels.py", added("# %d\n")),
    Edit("filter", "coprod/render/filters/web.lua", added("\n-- %d\n")),
    Edit("template", "coprod/render/templates/page.html", either("Made with", "Done by")),
    Edit("template", "coprod/render/templates/paper.typ", either("#1d1d1f", "#1d1d2f")),
    Edit("lock file", "requirements.lock", added("# %d\n")),
)
BREAKING_WHOLE = (
    Edit("broken", LEVELS, added("\nSee @fig-none%d.\n")),
    Edit("broken", "coprod/studies.py", added("\nraise RuntimeError('no %d')\n")),
    Edit("broken", "data/panel.csv", added("%d\n")),
)
