"""What a panel cannot support says so in a sentence, and the book is made all the same."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup, Tag
from pypdf import PdfReader

from coprod import background, nudge_specifications, nudges
from coprod.errors import BookError, ValidityError
from coprod.fielded import EXPERIMENT, WEIGHT, fielded
from coprod.instrument import load_instrument, ordered
from coprod.nudge_specification_tests import nudge_test
from coprod.nudge_specifications import nudge_curve
from coprod.panel import Panel, protected
from coprod.paths import PROJECT
from coprod.render.build import render
from coprod.render.chapter import Prose, read_chapters
from coprod.render.project import open_book
from coprod.show.absent import Absent, Guard, Note
from tests.books import write_book
from tests.panels import made, small

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

::: {.panel-tabset}
### Kept

Something is said.

### Gone

```{python}
#| label: tbl-gone
#| tbl-cap: "What is gone"
fail("this was not asked")
```

### Kept as well

Something else is said.
:::

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
        found = page.select(f"#{label}")[0]
        assert found.select("figcaption")[0].get_text().replace("\xa0", " ").startswith(caption)
        # The reason stands once in the section, above both.
        assert [said.get_text() for said in found.select(".absent")] == ["Not shown."]
        assert not found.find_all(["img", "svg", "table"])


def test_prose_gives_way_to_the_sentence_once_a_section(page: BeautifulSoup) -> None:
    text = page.select("main")[0].get_text()
    assert "The level is" not in text
    assert "Twice" not in text
    assert re.findall(r"Asked were 17(?: people)?", text) == [
        "Asked were 17 people",
        "Asked were 17",
    ]
    paragraphs = [p.get_text() for p in page.select("main p")]
    # In the chapter's opening, which has the figure and the table, and in two of the sections.
    assert paragraphs.count("Nobody *answered*.") == 3
    assert paragraphs.count("This is known only of a synthetic panel.") == 1
    assert "Another is" not in text


def test_a_tab_that_holds_nothing_gives_way(page: BeautifulSoup) -> None:
    [tabs] = page.select(".panel-tabset")
    assert [tab.get_text() for tab in tabs.select("[role=tab]")] == ["Kept", "Kept as well"]
    gone = page.find(id="tbl-gone")
    assert isinstance(gone, Tag)
    assert not gone.find_parent(class_="panel-tabset")
    assert "This was not asked." in gone.get_text()
    assert not page.select("details.code"), "code that shows nothing is not shown"


def test_a_section_that_needs_what_is_not_there_says_only_that(page: BeautifulSoup) -> None:
    text = page.select("main")[0].get_text()
    assert "would be about" not in text
    assert "practitioners" not in text
    assert page.find("math")
    assert page.find(id="sec-one-needs")
    assert "After" in text


def test_the_paper_says_the_same(book: Path) -> None:
    (pdf,) = book.glob("*.pdf")
    text = " ".join(" ".join(page.extract_text() for page in PdfReader(pdf).pages).split())
    assert text.count("Nobody *answered*.") == 3
    assert text.count("Not shown.") == 2
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


# The code of every chapter, on panels that lack something


def odd(
    without: Collection[str] = (),
    *,
    respondents: int = 300,
    areas: int = 5,
    arms: int = 4,
    real: bool = True,
    values: Mapping[str, float] | None = None,
) -> Panel:
    """Some respondents of the panel that ships, without some parts, with other areas and arms."""
    given = {
        "areas": {f"n{at}": f"Ward {at}" for at in range(areas)},
        "arms": {f"t{at}": f"Text {at}" for at in range(arms)},
    }
    instrument = fielded(load_instrument(), without, **given)
    drawn, rng = small(respondents), np.random.default_rng(1)
    frame = drawn[[name for name in drawn if name in instrument.variables]].copy()
    frame["area"] = ordered(rng.integers(0, areas, respondents), instrument.areas)
    if "arm" in frame:
        frame["arm"] = ordered(rng.integers(0, arms, respondents), instrument.arms)
        issue = frame["nudge_issue"].astype(object)
        codes = pd.Index(instrument.issues).get_indexer(issue)
        frame["nudge_issue"] = ordered(codes, instrument.issues)
    if WEIGHT in without:
        frame["weight"] = 1.0
    for name, value in (values or {}).items():
        frame[name] = value
    panel = Panel(frame, instrument, "odd.csv", synthetic=not real, weighted=WEIGHT not in without)
    return protected(panel)


ISSUES = list(load_instrument().issues)
NEVER = {f"{issue}_col_{item}": 0.0 for issue in ISSUES for item in range(1, 5)}
PANELS = {
    "little": lambda: odd([EXPERIMENT, WEIGHT, "tenure", *ISSUES[1:]], respondents=160, areas=1),
    "many": lambda: odd(respondents=360, areas=12, arms=6, real=False),
    "nobody": lambda: odd([*load_instrument().background], areas=2, arms=2, values={"signup": 0.0}),
    "alone": lambda: odd(["age", "gender"], real=False, arms=1, values=NEVER),
}
# They are about what comes with the project, or take too long for what is tested here.
LEFT_OUT = {"robustness", "validation", "yours", "list", "colophon"}
SLOW = {"many": {"index", "correlates", "claims"}}


@pytest.fixture(scope="module", params=PANELS)
def shown(request: pytest.FixtureRequest) -> Iterator[tuple[str, dict[str, object]]]:
    """What each labelled cell of the chapters shows of a panel; an error of any kind but one fails."""
    panel = PANELS[request.param]()
    found: dict[str, object] = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("coprod.panel.open_panel", lambda: panel)
        for chapter in read_chapters(open_book(PROJECT)):
            if Path(chapter.entry.source).stem in LEFT_OUT | SLOW.get(request.param, set()):
                continue
            guard = Guard({})
            for block in chapter.blocks:
                if isinstance(block, Prose):
                    for item in block.inlines:
                        found[f"{item.line.place} {item.code}"] = guard.run(item.code, {})
                elif block.label != "start":
                    found[block.label] = guard.run(block.text, {})
            plt.close("all")
    yield request.param, found


def test_every_chapter_can_be_made_of_odd_panels(shown: tuple[str, dict[str, object]]) -> None:
    name, found = shown
    labels = [label for label in found if isinstance(label, str) and label[:4] in ("fig-", "tbl-")]
    assert len(labels) > 40
    assert [label for label in labels if found[label] is None] == []
    absent = {label for label in labels if isinstance(found[label], Note)}
    expected, there = ABSENT[name]
    assert expected <= absent, expected - absent
    assert not there & absent, {label: found[label] for label in there & absent}


# Of each panel, what cannot be shown, and what can all the same.
ABSENT = {
    "little": (
        {
            "fig-levels-health", "fig-levels-environment", "tbl-codebook-health",
            "tbl-codebook-arms", "fig-nudges-effects", "tbl-nudges-texts", "fig-design-curves",
            "tbl-study-margins",
        },
        {
            "fig-levels-safety", "tbl-codebook-safety", "fig-levels-issue", "tbl-study-areas",
            "fig-correlates-coefficients", "fig-design-recovery", "tbl-claims-ledger",
        },
    ),
    "many": (
        set(),
        {"fig-levels-health", "fig-nudges-flow", "tbl-nudges-balance", "tbl-study-areas"},
    ),
    "nobody": (
        {"fig-levels-background", "tbl-levels-tests", "fig-design-strength"},
        {"fig-nudges-effects", "tbl-nudges-chance", "fig-correlates-blocks", "fig-design-curves"},
    ),
    "alone": (
        {"fig-nudges-effects", "tbl-measurement-reliability", "fig-correlates-coefficients"},
        {"fig-levels-issue", "tbl-codebook-variables", "tbl-claims-ledger"},
    ),
}  # fmt: skip


def test_what_the_curves_need_is_said() -> None:
    panel = odd([EXPERIMENT])
    for function in (nudge_specifications.choices, nudge_curve, nudge_test, nudges.analysable):
        with pytest.raises(ValidityError, match="this panel has no experiment"):
            function(panel)


def test_a_category_that_nobody_has_spoils_no_other() -> None:
    frame = small(600)
    panel = made(frame[frame["education"] != "no_qualifications"])
    table = background.means(panel).query("variable == 'education'").set_index("level")
    assert table.loc["degree", "p"].notna().all()
    assert background.wald_tests(panel)["p"].notna().all()
