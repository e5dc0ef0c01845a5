"""What a reader can take away of a page: tables as CSV, pictures as SVG and PNG."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from coprod import levels, open_panel
from coprod.errors import BookError
from coprod.render.build import render
from coprod.render.downloads import write_pngs
from coprod.show import tables
from coprod.show.table import csv, table
from tests.books import CONFIG, write_book

CHAPTER = """\
# One {#sec-one}

In @tbl-one-a, @tbl-one-b and @fig-one-a, as @jackman2009 would.

```{python}
#| label: tbl-one-a
#| tbl-cap: "Ours"
import pandas as pd
from coprod.show.table import table
table(pd.DataFrame({"a": [1 / 3]}), "a", {"a": "A"}, formats={"a": 1}, data="made up")
```

```{python}
#| label: tbl-one-b
#| tbl-cap: "Another's"
pd.DataFrame({"a": [1 / 3]})
```

```{python}
#| label: fig-one-a
#| fig-cap: "A line"
#| fig-alt: "A line."
import matplotlib.pyplot as plt
plt.figure(figsize=(3, 2)).add_subplot().plot([1, 2])
plt.show()
```

```{python}
#| label: fig-one-b
#| fig-cap: "Two lines"
#| fig-alt: ["A line.", "Another."]
#| fig-subcap: ["Up", "Down"]
for ends in ([1, 2], [2, 1]):
    plt.figure(figsize=(3, 2)).add_subplot().plot(ends)
    plt.show()
```
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("downloads")
    config = CONFIG + 'data-downloads: true\ndata-title: "Data & more"\n'
    write_book(folder / "project", one=CHAPTER, config=config)
    return render(folder / "project", "embedded", to="html", out=folder / "book").out


def links(site: Path, page: str = "chapters/one.html") -> dict[str, Path]:
    soup = BeautifulSoup((site / page).read_text(), "html.parser")
    return {
        str(link["aria-label"]).replace("\xa0", " "): (site / page).parent / str(link["href"])
        for link in soup.select(".downloads a")
    }


def test_each_figure_and_each_table_of_ours_can_be_taken_away(site: Path) -> None:
    found = links(site)
    figures = ("Figure 1.1", "part (a)", "part (b)")
    expected = [f"{kind} of {name}" for name in figures for kind in ("SVG", "PNG")]
    assert list(found) == ["CSV of Table 1.1", *expected]
    assert all(path.is_file() for path in found.values())
    assert {path.name for path in (site / "downloads").iterdir()} == {
        "tbl-one-a.csv",
        "fig-one-a-1.png",
        "fig-one-b-1.png",
        "fig-one-b-2.png",
        "A-small-book.bib",
    }


def test_a_csv_has_the_numbers_unrounded_and_says_what_they_are(site: Path) -> None:
    kept = (site / "downloads/tbl-one-a.csv").read_bytes()
    assert kept == b"data,a\nmade up,0.3333333333\n"


def test_a_png_has_two_pixels_for_one_of_the_page(site: Path) -> None:
    found = links(site)
    image = BeautifulSoup((site / "chapters/one.html").read_text(), "html.parser").select_one(
        "#fig-one-a svg"
    )
    assert image is not None
    content = found["PNG of Figure 1.1"].read_bytes()
    assert content.startswith(b"\x89PNG")
    size = struct.unpack(">II", content[16:24])
    for pixels, said in zip(size, (image["width"], image["height"]), strict=True):
        # The page rounds to whole pixels.
        assert abs(pixels - 2 * float(str(said).removesuffix("px"))) <= 2


def test_a_book_that_offers_no_downloads_has_none(tmp_path: Path) -> None:
    write_book(tmp_path / "project", one=CHAPTER)
    out = render(tmp_path / "project", "embedded", to="html", out=tmp_path / "book").out
    assert links(out) == {}
    assert not (out / "downloads").exists()


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "＝1+1"])
def test_no_text_is_taken_for_a_formula(text: str) -> None:
    made = csv(pd.DataFrame({"name": pd.Categorical([text]), "number": [-1.5]}), text)
    read = pd.read_csv(io.StringIO(made), dtype=str, keep_default_na=False)
    assert read.iloc[0].tolist() == [f"'{text}", f"'{text}", "-1.5"]


def test_the_csv_of_a_table_is_the_frame_that_it_was_made_of() -> None:
    panel = open_panel()
    frame = levels.gaps(panel, by=("issue",))
    made = tables.gaps(frame, panel)
    read = pd.read_csv(io.StringIO(made.csv))
    assert read.columns.tolist() == ["data", *frame.columns]
    assert set(read["data"]) == {panel.describe()}
    pd.testing.assert_frame_equal(read[["gap", "low"]], frame[["gap", "low"]], rtol=1e-9)
    # What was shown is rounded; what is taken away is not.
    assert len(str(read["gap"].iloc[0])) > 8


def test_a_text_with_line_ends_stays_on_one_line() -> None:
    assert csv(pd.DataFrame({"name": ["a\r=b\nc"]}), "") == "name\na =b c\n"


def test_words_need_no_data_to_come_from() -> None:
    made = table(pd.DataFrame({"arm": ["Norm"]}), "a", {"arm": "Arm"})
    assert made.csv == "arm\nNorm\n"


def test_a_picture_of_which_no_png_can_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "one_files").mkdir()
    (tmp_path / "one_files/fig-a-1.svg").write_text("<svg")
    with pytest.raises(BookError, match=r"fig-a-1\.svg"):
        write_pngs(tmp_path)
