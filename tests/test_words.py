"""Numbers and texts in prose; above all, that a text from a panel shows as it is and does nothing."""

from __future__ import annotations

import subprocess
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coprod.errors import ValidityError
from coprod.render.engine import PANDOC
from coprod.show import words

HOSTILE = [
    "<script>alert(1)</script>",
    "*bold* _it_ **x** ~~s~~",
    "@fig-levels and [@bovaird2016]",
    "{{< include x >}}",
    "`{python} 1/0`",
    "$x^2$ and \\(y\\)",
    "[link](javascript:alert(1))",
    "![picture](x.png)",
    "# heading",
    "- item",
    "1. item",
    "> quotation",
    "::: {.callout-note}",
    "a | b",
    "---",
    "\\begin{x} \\input{y}",
    '#set text(red) #import "x"',
    "=SUM(A1:A2)",
    "&lt;b&gt; &amp;",
    "“quoted” -- dash ... and 'quotes'",
    "line\nbreak\tand tab",
    "Llŷn, ŵyn, 例",
    "[^1] ^[note]",
    "http://example.org/<x>",
    "{.class #id}",
    "(@) example list",
    ": definition",
]


def shown(text: str) -> str:
    """What Pandoc makes of a passage that holds the escaped text, as plain words."""
    run = subprocess.run(
        [str(PANDOC), "-f", "markdown", "-t", "plain", "--wrap=none"],
        input=f"Label: {words.plain(text)} end.",
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    return run.stdout.rstrip("\n")


def folded(text: str) -> str:
    """White space as single spaces, control characters left out."""
    kept = "".join(
        " " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C"
    )
    return " ".join(kept.split())


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_shows_as_it_is(text: str) -> None:
    assert shown(text) == f"Label: {folded(text)} end."


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_safe_in_a_cell_of_a_table(text: str) -> None:
    run = subprocess.run(
        [str(PANDOC), "-f", "markdown", "-t", "html", "--wrap=none"],
        input=f"| a | b |\n|---|---|\n| {words.plain(text)} | 2 |\n",
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    assert run.stdout.count("<td>") == 2
    assert "<script" not in run.stdout
    assert "<em>" not in run.stdout


@settings(max_examples=60, deadline=None)
@given(
    st.text(alphabet=st.characters(exclude_categories=("Cs", "Cn", "Co", "Zl", "Zp")), max_size=60)
)
def test_any_text_shows_as_it_is(text: str) -> None:
    assert folded(shown(text)) == folded(f"Label: {folded(text)} end.")


def test_numbers_have_true_signs_and_no_minus_zero() -> None:
    assert words.number(-1234.5, 1) == "−1,234.5"
    assert words.number(-0.04, 1) == "0.0"
    with pytest.raises(ValidityError, match="too few"):
        words.number(float("nan"))
    with pytest.raises(ValidityError, match="too few"):
        words.percent(float("nan"))
    assert words.interval(-0.5, 0.25, 2) == "−0.50 to 0.25"


def test_small_p_values_are_not_zero() -> None:
    assert words.p_value(1e-30) == "under 0.001"
    assert words.p_value(0.0499) == "0.050"
    assert words.p_value(1.0) == "1.00"


def test_a_span_of_numbers_written_alike_is_one_number() -> None:
    assert words.span([0.0131, 0.0081], share=True) == "1%"
    assert words.span([0.0131, 0.0081], 1, share=True) == "0.8% to 1.3%"
    assert words.span([-34.1, -44.4]) == "−44 to −34"


def test_how_many_of_so_many() -> None:
    said = [words.out_of(some, 3) for some in range(4)]
    assert said == ["none of three", "one of three", "two of three", "all three"]


def test_a_listing_of_nothing_is_empty() -> None:
    assert words.listing([]) == ""
    assert words.listing(["a", "b", "c", "d"]) == "a, b, c and d"


def test_safe_gives_what_an_inline_expression_takes() -> None:
    assert words.safe("<b>")._repr_markdown_() == r"\<b\>"
