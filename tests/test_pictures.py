"""What cells draw stands in the pages: with the page's colours, its own ids, and nothing that runs."""

from __future__ import annotations

import io
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from bs4 import BeautifulSoup, Tag

from coprod.palette import PALETTE
from coprod.render.pictures import inlined, write_picture
from coprod.show.theme import COLLECTIVE, COLOURS, INDIVIDUAL, draw_point, new_figure

ROOT = Path(__file__).parent.parent
STYLE = (ROOT / "coprod/render/templates/style.css").read_text(encoding="utf-8")
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="72pt" height="36pt" viewBox="0 0 72 36">{}</svg>'


def drawn() -> str:
    """A figure of the theme as a cell gives it."""
    figure, [axes] = new_figure(1.5)
    for position, form in enumerate(COLOURS):
        draw_point(axes, (50.123, 40, 60), position, form, f"Some & <other>, {form}")
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
    return buffer.getvalue()


def page(folder: Path, *contents: str, alt: str = "What is seen") -> str:
    """A page that shows pictures, as it is before they are put into it."""
    links = []
    for number, content in enumerate(contents, 1):
        name = f"one_files/fig-one-{number}.svg"
        shown = write_picture(content, folder / "chapters" / name, name)
        size = " ".join(f"{side}: {shown[side]};" for side in ("width", "height"))
        links.append(f'<img src="{name}" style="{size}" alt="{alt}" />')
    return f"{''.join(links)}<figcaption id='x'>Of one</figcaption>"


def put_in(folder: Path, *contents: str, alt: str = "What is seen") -> str:
    return inlined(page(folder, *contents, alt=alt), "chapters/one.qmd", folder)


def drawings(html: str) -> list[Tag]:
    return BeautifulSoup(html, "html.parser").find_all("svg")


def test_a_picture_says_what_is_seen_and_how_large_it_is(tmp_path: Path) -> None:
    body = page(tmp_path, SVG.format("<path d='M0 0'/>"), alt="A &quot;line&quot;")
    body = body.replace("<img ", '<img aria-describedby="numbers" ')
    [svg] = drawings(inlined(body, "chapters/one.qmd", tmp_path))
    assert svg["aria-describedby"] == "numbers"
    assert svg["role"] == "img"
    assert svg["alt"] == svg["aria-label"] == 'A "line"'
    assert (svg["width"], svg["height"], svg["viewbox"]) == ("96", "48", "0 0 72 36")


def test_no_id_stands_twice_and_each_reference_is_met(tmp_path: Path) -> None:
    html = put_in(tmp_path, drawn(), drawn())
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert {each.partition(":")[0] for each in ids if each != "x"} == {"fig-one-1", "fig-one-2"}
    met = set(re.findall(r'href="#([^"]+)"', html)) | set(re.findall(r"url\(#([^)]+)\)", html))
    assert met == set(ids) - {"x"}


def test_what_nobody_sees_goes_and_the_file_stays_as_it_was(tmp_path: Path) -> None:
    content = drawn()
    html = put_in(tmp_path, content)
    assert not re.search("<!--|metadata|rdf|Matplotlib|<style|xmlns", html)
    assert len(html) < 0.75 * len(content)
    # The page itself is what a figure stands on.
    assert html.count("var(--paper") == content.count("#ffffff") - 1
    assert (tmp_path / "chapters/one_files/fig-one-1.svg").read_text("utf-8") == content
    assert html == put_in(tmp_path, content)


def test_a_picture_of_an_earlier_build_counts_while_it_is_the_same(tmp_path: Path) -> None:
    kept: dict[str, str] = {}
    before = page(tmp_path, SVG.format("<path d='M0 0'/>"))
    html = inlined(before, "chapters/one.qmd", tmp_path, {}, kept)
    [key] = kept
    again: dict[str, str] = {}
    told = inlined(before, "chapters/one.qmd", tmp_path, {key: "<svg>kept</svg>"}, again)
    assert again == {key: "<svg>kept</svg>"}
    assert told == html.replace(kept[key], again[key])
    other = page(tmp_path, SVG.format("<path d='M1 1'/>"))
    assert "M1 1" in inlined(other, "chapters/one.qmd", tmp_path, {key: "<svg>kept</svg>"}, again)


def test_colours_of_the_theme_are_those_of_the_page(tmp_path: Path) -> None:
    html = put_in(tmp_path, drawn())
    assert f"var(--individual, {INDIVIDUAL})" in html
    assert f"var(--collective, {COLLECTIVE})" in html
    assert not re.search(r"(?<!, )#[0-9a-f]{6}\b", re.sub(r'(href="|url\()#[^")]+', "", html))


def test_only_pictures_of_cells_are_put_in(tmp_path: Path) -> None:
    (tmp_path / "chapters/images").mkdir(parents=True)
    (tmp_path / "chapters/images/own.svg").write_text(SVG.format(""), encoding="utf-8")
    own = '<p><img src="images/own.svg" alt="Own" /><img src="one_files/none.svg" alt="" /></p>'
    assert inlined(own, "chapters/one.qmd", tmp_path) == own


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        "<style>p { display: none }</style>",
        "<path d='M0 0' onclick='alert(1)'/>",
        "<foreignObject><p>words</p></foreignObject>",
        "<a href='https://example.org'><path d='M0 0'/></a>",
        "<image href='https://example.org/x.png'/>",
        "<path d='M0 0' style='fill: url(https://example.org/x.svg#a)'/>",
        "<set attributeName='href' to='x'/>",
        "<path d='M0 0'>",
    ],
)
def test_a_picture_with_more_than_shapes_stays_a_file(tmp_path: Path, inside: str) -> None:
    assert put_in(tmp_path, SVG.format(inside)) == page(tmp_path, SVG.format(inside))


def test_a_picture_can_be_moved_with_the_keyboard_and_is_named(tmp_path: Path) -> None:
    body = page(tmp_path, SVG.format("")).replace("id='x'", 'id="fig-one-caption"')
    html = inlined(body, "chapters/one.qmd", tmp_path)
    region = BeautifulSoup(html, "html.parser").select_one("[role=region]")
    assert region is not None
    assert region["tabindex"] == "0"
    assert region["aria-labelledby"] == "fig-one-caption"
    region = BeautifulSoup(put_in(tmp_path, SVG.format("")), "html.parser").select_one(".picture")
    assert region is not None
    assert region["aria-label"] == "What is seen"


# Colours --------------------------------------------------------------------------------------------


def brightness(colour: str) -> float:
    """The relative luminance of WCAG 2."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((brightness(one), brightness(other)))
    return (high + 0.05) / (low + 0.05)


PAIRS = {
    name: (day, night)
    for name, day, night in re.findall(
        r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", STYLE
    )
}
MARKS = (
    *("individual", "collective", "individual-some", "collective-some", "both", "jade", "amber"),
    *("sky", "neither", "faint", "open", "plum"),
)
WORDS = {
    "paper": ("ink", "quiet", "individual", "collective"),
    "inside": ("ink", "quiet"),
    "band": ("ink", "quiet"),
    "never": ("ink",),
    "individual-some": ("over-light",),
    "collective-some": ("over-light",),
    "neither": ("over-light",),
    "both": ("over-light",),
    "individual": ("over-dark",),
    "collective": ("over-dark",),
}


def test_the_page_has_every_colour_by_day_as_it_is_drawn() -> None:
    by_day = {name: PAIRS[name][0] for name in PALETTE}
    # The page's own ink and paper are a little warmer.
    assert by_day | {"ink": PALETTE["ink"], "paper": PALETTE["paper"]} == PALETTE
    assert len(set(PALETTE.values())) == len(PALETTE)


@pytest.mark.parametrize("name", MARKS)
def test_marks_stand_out_in_the_dark(name: str) -> None:
    assert contrast(PAIRS[name][1], PAIRS["paper"][1]) >= 3


@pytest.mark.parametrize(("under", "words"), [(on, each) for on in WORDS for each in WORDS[on]])
@pytest.mark.parametrize("time", [0, 1], ids=["day", "night"])
def test_words_can_be_read(under: str, words: str, time: int) -> None:
    assert contrast(PAIRS[under][time], PAIRS[words][time]) >= 4.5
