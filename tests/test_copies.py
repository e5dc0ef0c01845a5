"""The notebooks that a reader takes away: what is in them, and what is not."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat import NotebookNode

from coprod.render.build import render
from tests.books import CONFIG, write_book

CHAPTER = """\
# One *fine* day {#sec-one}

```{python}
#| label: one-setup
#| include: false
secret = "zyzzyv"
secret
```

The sum is `{python} 1 + 1`, as @jackman2009 says [see @jackman2009, 3]; so is @fig-one-a of @sec-one.

::: {.content-visible when-format="typst"}
On paper only.
:::

::: {.panel-tabset}
### Picture

```{python}
#| label: fig-one-a
#| fig-cap: "A line"
#| fig-alt: "A line."
import matplotlib.pyplot as plt
plt.figure(figsize=(3, 2)).add_subplot().plot([1, 2])
plt.show()
```

### Table

```{python}
#| label: tbl-one-a
#| tbl-cap: "Numbers"
import pandas as pd
from coprod.show.table import table
table(pd.DataFrame({"a": [1 / 3]}), "a", {"a": "A"}, formats={"a": 1}, data="made up")
```
:::

::: {.callout-tip}
## Key points
- One [link](references.qmd).
:::

```{python}
#| label: one-silent
#| output: false
print(secret)
```

```{python}
#| label: one-said
import sys
print(len(secret))
print("a warning", file=sys.stderr)
secret
```

```{python}
#| label: one-never
#| eval: false
1 / 0
```

```{python}
#| label: one-notice
from IPython.display import Markdown
Markdown("::: {.callout-note}\\n## Mark\\nWords.\\n:::\\n")
```
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copies")
    config = (
        CONFIG + 'data-downloads: true\ndata-title: "Data & more"\nexecute:\n  warning: false\n'
    )
    write_book(folder / "project", one=CHAPTER, config=config)
    return render(folder / "project", "embedded", to="html", out=folder / "book").out


@pytest.fixture(scope="module")
def notebook(site: Path) -> NotebookNode:
    made = nbformat.read(site / "chapters/one.ipynb", as_version=4)
    nbformat.validate(made)
    return made


def code(notebook: NotebookNode) -> dict[str, NotebookNode]:
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return {cell.source.split("\n")[0].removeprefix("#| label: "): cell for cell in cells}


def prose(notebook: NotebookNode) -> str:
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_a_page_leads_to_its_notebook_if_it_runs_code(site: Path) -> None:
    soup = BeautifulSoup((site / "chapters/one.html").read_text(), "html.parser")
    (link,) = soup.select(".uses a")
    assert link["href"] == "../chapters/one.ipynb"
    assert {path.relative_to(site).as_posix() for path in site.rglob("*.ipynb")} == {
        "chapters/one.ipynb"
    }


def test_the_prose_is_that_of_the_page(notebook: NotebookNode) -> None:
    said = prose(notebook)
    assert "# One *fine* day\n" in f"{said}\n"
    assert "The sum is 2, as Jackman (2009) says (see Jackman 2009, 3);" in said
    assert "so is [Figure\xa01.1](one.html#fig-one-a) of [Chapter\xa01](one.html#sec-one)." in said
    assert "> **Key points**" in said and "[link](references.html)" in said
    for mark in (":::", "{#", "On paper only", "coprod-cell", "`{python}"):
        assert mark not in said
    assert "**Data & more.**" in notebook.cells[0].source


def test_the_cells_stand_in_their_order_with_what_the_page_shows(notebook: NotebookNode) -> None:
    cells = code(notebook)
    assert list(cells) == [
        *("one-setup", "fig-one-a", "tbl-one-a"),
        *("one-silent", "one-said", "one-notice"),
    ]
    forms = {
        label: [list(output.get("data", {output.get("name"): 0})) for output in cell.outputs]
        for label, cell in cells.items()
    }
    assert forms == {
        "one-setup": [],
        "fig-one-a": [["image/svg+xml"]],
        "tbl-one-a": [["text/html"]],
        "one-silent": [],
        "one-said": [["stdout"], ["text/plain"]],
        "one-notice": [["text/markdown"]],
    }
    assert cells["one-said"].outputs[0].text == "6\n"
    assert cells["one-notice"].outputs[0].data["text/markdown"] == "## Mark\nWords.\n"
    assert "```python\n1 / 0\n```" in prose(notebook)
    whole = "\n".join(cell.source for cell in notebook.cells)
    order = [
        whole.index(text) for text in ("### Picture", ".plot(", "### Table", "pd.DataFrame", "> **")
    ]
    assert order == sorted(order)


def test_what_the_page_hides_is_not_in_it(notebook: NotebookNode) -> None:
    shown = json.dumps([cell.outputs for cell in code(notebook).values()])
    assert shown.count("zyzzyv") == 1  # of the cell that shows it
    assert "0.3333" not in shown and "a warning" not in shown


def test_what_has_no_result_gives_way_to_the_reason(tmp_path: Path) -> None:
    chapter = """\
# One

```{python}
#| label: one-setup
#| include: false
from coprod.show import guard_cells
from coprod.errors import ValidityError
guard_cells()
```

```{python}
#| label: one-fails
#| include: false
def fail():
    raise ValidityError("nobody answered")
```

It is `{python} fail()` points, which is a lot.

It is 3 points.
"""
    config = CONFIG + "data-downloads: true\n"
    write_book(tmp_path / "project", one=chapter, config=config)
    out = render(tmp_path / "project", "embedded", to="html", out=tmp_path / "book").out
    said = prose(nbformat.read(out / "chapters/one.ipynb", as_version=4))
    assert "Nobody answered" in said and "It is 3 points." in said
    assert "which is a lot" not in said and "absent" not in said
