"""What a panel cannot support says so in a sentence, and the book is made all the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from coprod.errors import BookError, ValidityError
from coprod.render.build import render
from coprod.show.absent import Absent, Guard, Note
from tests.books import write_book

NOTEBOOKS = Path(__file__).parent / "notebooks"

START = """\
```{python}
#| include: false
from coprod.errors import ValidityError
from coprod.show.absent import guard_cells

def fail(reason):
    raise ValidityError(reason)

guard_cells()
```
"""

ONE = (
    "# One {#sec-one}\n\n"
    + START
    + """
```{python}
#| include: false
level, spread = fail("nobody *answered*")
double = 2 * level
good = 17
def shown(): return f"{double:.1f}"
```

The level is `{python} level`, and `{python} good` people were asked. See @fig-level and @tbl-level.

Twice as much is `{python} double`.

Asked were `{python} good` people [@jackman2009].

```{python}
#| label: fig-level
#| fig-cap: "The level"
#| fig-alt: "A line that rises."
#| echo: false
import matplotlib.pyplot as plt

def draw(values):
    plt.subplots()
    return values + 1

draw(double)
```

```{python}
#| label: tbl-level
#| tbl-cap: "The level in numbers"
level.round(1)
```

## What else {#sec-one-else}

- The level is `{python} shown()`.
- Asked were `{python} good`.
- Another is `{python} fail("this is known only of a synthetic panel")`.

## What needs it {#sec-one-needs}

`{python} level`

This would be about the level.

$$
x = 1
$$ {#eq-one}

::: {.callout-tip}
## For practitioners
Act on the level.
:::

## Key points {.unnumbered}

After @eq-one, @sec-one-needs and @sec-one-else.
"""
)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    return render(write_book(folder / "project", one=ONE), "embedded", out=folder / "book").out


@pytest.fixture(scope="module")
def page(book: Path) -> BeautifulSoup:
    return BeautifulSoup((book / "chapters" / "one.html").read_text(), "html.parser")


def test_a_figure_and_a_table_that_cannot_be_made_say_so_under_their_labels(
    page: BeautifulSoup,
) -> None:
    for label, caption in {"fig-level": "Figure 1.1: The level", "tbl-level": "Table 1.1"}.items():
        found = page.find(id=label)
        assert found.find("figcaption").get_text().replace("\xa0", " ").startswith(caption)
        assert found.find(class_="absent").get_text() == "Nobody *answered*."
        assert not found.find_all(["img", "svg", "table"])


def test_prose_gives_way_to_the_sentence_once_a_section(page: BeautifulSoup) -> None:
    text = page.find("main").get_text()
    assert "The level is" not in text
    assert "Twice" not in text
    assert re.findall(r"Asked were 17(?: people)?", text) == [
        "Asked were 17 people",
        "Asked were 17",
    ]
    paragraphs = [p.get_text() for p in page.find("main").find_all("p")]
    # In the chapter's opening, in the figure and the table, and in two of the sections.
    assert paragraphs.count("Nobody *answered*.") == 5
    assert paragraphs.count("This is known only of a synthetic panel.") == 1
    assert "Another is" not in text


def test_a_section_that_needs_what_is_not_there_says_only_that(page: BeautifulSoup) -> None:
    text = page.find("main").get_text()
    assert "would be about" not in text
    assert "practitioners" not in text
    assert page.find("math")
    assert page.find(id="sec-one-needs")
    assert "After" in text


def test_the_paper_says_the_same(book: Path) -> None:
    (pdf,) = book.glob("*.pdf")
    text = " ".join(" ".join(page.extract_text() for page in PdfReader(pdf).pages).split())
    assert text.count("Nobody *answered*.") == 5
    assert "Twice" not in text


def test_an_error_of_another_kind_stops_the_book(tmp_path: Path) -> None:
    wrong = f"# One\n\n{START}\n\nThe level is `{{python}} 1 / 0`.\n"
    with pytest.raises(BookError, match=r"one\.qmd:15: ZeroDivisionError"):
        render(write_book(tmp_path / "project", one=wrong), "embedded", out=tmp_path / "book")


def test_whatever_is_done_with_an_absent_result_gives_its_reason() -> None:
    absent = Absent(ValidityError("this panel has no experiment"))
    uses = [
        lambda: absent(),
        lambda: absent.column,
        lambda: absent["row"],
        lambda: absent + 1,
        lambda: 1 - absent,
        lambda: absent > 0,
        lambda: absent == 0,
        lambda: bool(absent),
        lambda: len(absent),
        lambda: list(absent),
        lambda: f"{absent}",
        lambda: str(absent),
        lambda: float(absent),
        lambda: "a" in absent,
        lambda: {absent},
        lambda: round(absent, 1),
        lambda: [1, 2][absent],
    ]
    for use in uses:
        with pytest.raises(ValidityError, match=r"^this panel has no experiment$"):
            use()


def test_every_name_that_a_failing_statement_binds_is_absent() -> None:
    names: dict[str, object] = {}
    guard = Guard(names)

    def fail() -> None:
        raise ValidityError("nobody answered")

    code = """
kept = 1
first, (second, *third) = fail()
if True:
    kept_not = 2
    fail()
    fourth = [inner for inner in ()]
for fifth in fail(): sixth = fifth
def seventh(argument=fail()): eighth = 1
import json as ninth, os.path
"""
    assert guard.run(code, {"fail": fail}) is None
    absent = {name for name, value in names.items() if isinstance(value, Absent)}
    assert absent == {
        *("first", "second", "third", "kept_not", "fourth", "fifth", "sixth", "seventh")
    }
    assert names["kept"] == 1
    assert {"ninth", "os"} <= set(names)


def test_what_a_cell_shows_is_a_value_or_a_note() -> None:
    guard = Guard({})
    assert guard.run("1 + 1", {}) == 2
    guard.run("level = missing()", {"missing": lambda: Absent(ValidityError("nobody answered"))()})
    shown = guard.run("[level for _ in range(2)][0]", {})
    assert isinstance(shown, Note)
    assert repr(shown) == "Nobody answered."


def test_nothing_is_absent_in_the_book_of_the_panel_that_ships() -> None:
    notebooks = sorted(NOTEBOOKS.glob("*.ipynb"))
    assert notebooks
    assert [path.name for path in notebooks if "{.absent}" in path.read_text()] == []
