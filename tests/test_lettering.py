"""The words of figures on paper: text that says what the shapes said, where they stood."""

from __future__ import annotations

import io
import re
from html import unescape
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pypdf
import pytest
import typst
from matplotlib.figure import Figure
from PIL import Image

from coprod.render.lettering import lettered
from coprod.render.paper import FONTS

# What a figure says, and whether its letters surely can be told.
LINES = {
    "Alone and together": True,
    "efficacy, fjord & <b>": True,
    "−1.5 to 3%": True,
    "é ü “quoted”": True,
    "a -- b": False,
    "a - - b": False,
    "$x^2$ of them": False,
    "Ж and more": True,
}


def drawn(words: str, **style: Any) -> str:
    file = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "path", "text.parse_math": True}):
        figure = Figure(figsize=(3, 1))
        figure.text(0.1, 0.4, words, **style)
        figure.savefig(file, format="svg")
    return file.getvalue()


def said(picture: str) -> list[str]:
    return [unescape(words) for words in re.findall(r"<text [^>]*>([^<]*)</text>", picture)]


@pytest.mark.parametrize("words", LINES)
def test_what_is_known_becomes_text_and_all_else_stays_as_it_is_drawn(words: str) -> None:
    picture = drawn(words)
    made = lettered(picture)
    assert said(made) == [words] * LINES[words]
    assert LINES[words] or lettered(picture).count("<use") == picture.count("<use")
    named = set(re.findall(r'xlink:href="#([^"]+)"', made))
    assert named <= set(re.findall(r' id="([^"]+)"', made))


def compiled(folder: Path, picture: str, **options: Any) -> bytes:
    (folder / "picture.svg").write_text(picture, encoding="utf-8")
    main = folder / "main.typ"
    main.write_text('#set page(width: auto, height: auto, margin: 0pt)\n#image("picture.svg")')
    made: bytes = typst.compile(main, font_paths=[FONTS], ignore_system_fonts=True, **options)
    return made


@pytest.mark.parametrize(
    "style",
    [
        {},
        {"weight": "bold", "color": "#752c66"},
        {"style": "italic", "size": 15},
        {"rotation": 90, "va": "center"},
        {"rotation": 30, "size": 7, "alpha": 0.5},
    ],
)
def test_text_stands_where_the_shapes_stood(tmp_path: Path, style: dict[str, object]) -> None:
    picture = drawn("Self-efficacy of 1,234", **style)
    assert said(lettered(picture))
    before, after = (
        np.asarray(Image.open(io.BytesIO(compiled(tmp_path, each, format="png", ppi=288))), float)
        for each in (picture, lettered(picture))
    )
    assert before.shape == after.shape
    for axis in (0, 1):
        places = [
            np.flatnonzero((each[..., :3] < 200).any(axis=(axis, 2))) for each in (before, after)
        ]
        assert [place[0] for place in places] == pytest.approx([places[0][0]] * 2, abs=2)
        assert [place[-1] for place in places] == pytest.approx([places[0][-1]] * 2, abs=2)
    inked = (before[..., :3] < 250).any(axis=2)
    assert np.abs(before - after)[inked].mean() < 25
    pdf = pypdf.PdfReader(io.BytesIO(compiled(tmp_path, lettered(picture), format="pdf")))
    assert "Self-efficacy of 1,234" in pdf.pages[0].extract_text()


def test_lines_of_one_text_are_told_apart() -> None:
    assert said(lettered(drawn("One\nand another"))) == ["One", "and another"]


def test_a_picture_of_another_make_stays_as_it_is() -> None:
    other = drawn("Words", family="STIXGeneral")
    for picture in (other, "<svg><text>Words</text></svg>", "<svg><!-- a --><g/></svg>"):
        assert lettered(picture) == picture
