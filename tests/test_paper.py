"""The book on paper: faults of its layout and gaps in its tags are found where they are."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import typst
from fontTools.ttLib import TTFont

from coprod.render.conversion import FILTERS
from coprod.render.engine import PANDOC
from coprod.render.paper import FONTS
from tests.layout import faults, main
from tests.pdf_access import missing

WORDS = (
    "Some words that fill a line of text and the beginning of the next, so that it is a paragraph. "
)
# A document without a fault, in which each control makes one.
HEAD = """
#set document(title: "Control")
#set text(lang: "en", size: 10pt)
#set par(justify: true)
#set page(width: 300pt, height: 400pt, margin: 50pt, header: [Running #h(1fr) head], footer: [1])
#show figure: set block(breakable: true)
#let words(times) = "WORDS" * times
Title
#pagebreak()
= First
#words(3)

""".replace("WORDS", WORDS)
TAIL = "\n\n#words(2)\n\n#pagebreak()\n= Last\n#words(1)\n"
SVG = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><path d='M0 0h9v9z'/></svg>"
PICTURE = f'image(bytes("{SVG}"), alt: "A triangle.", fit: "stretch", width: WIDTH, height: HEIGHT)'


def picture(width: int, height: int) -> str:
    return PICTURE.replace("WIDTH", f"{width}pt").replace("HEIGHT", f"{height}pt")


LOOSE = "#block[#set text(costs: (orphan: 0%, widow: 0%))\n#par(words(3))]"
CONTROLS = {
    "nothing": ("words(6)", None),
    "a long word": ('raw("' + "x" * 60 + '")', "beyond the margin"),
    "a wide picture": (picture(230, 20), "beyond the margin"),
    "a wide table": (
        "table(columns: 3 * (90pt,), ..range(9).map(n => [cell]))",
        "beyond the margin",
    ),
    "a tall block": (
        "words(6)\n#pagebreak()\n#block(breakable: false, words(14))\n#words(6)",
        "beyond the margin",
    ),
    "text over text": ("words(1)\n\n#v(-14pt)\n\nMore words", "text over text"),
    "text over a cell": (
        "table(columns: (30pt, 60pt), [a], [b], box(width: 90pt, [wide words]), [words])",
        "text over text",
    ),
    "an empty page": ("words(6)\n#pagebreak()\n#pagebreak(weak: false)", "empty page"),
    "an almost empty page": (
        "words(6)\n#pagebreak()\nOne line.\n#pagebreak()",
        "almost empty page",
    ),
    "a half-empty page": (
        "words(6)\n#pagebreak()\n#words(4)\n#pagebreak()",
        "half-empty page",
    ),
    "a heading that ends a page": (
        "words(6)\n== Second\n#pagebreak()\n#words(8)",
        "lonely heading",
    ),
    "a caption that ends a page": (
        "words(6)\n#show figure: set figure.caption(position: top)\n"
        '#figure(caption: "Named", kind: table)[#colbreak() #table(columns: 1, [one], [two])]',
        "lonely caption",
    ),
    "a row on two pages": (
        "table(columns: (100pt, 80pt), [#words(7)], [cell], [one], [two])",
        "torn row",
    ),
    "a first line alone": (f"{picture(200, 176)}\n{LOOSE}", "lonely line"),
    "a last line alone": (f"{picture(200, 120)}\n{LOOSE}", "lonely line"),
}


def compile_pdf(content: str, file: Path) -> Path:
    file.write_bytes(typst.compile(content.encode(), format="pdf", pdf_standards="ua-1"))
    return file


@pytest.mark.parametrize("control", CONTROLS)
def test_a_fault_is_found(control: str, tmp_path: Path) -> None:
    code, kind = CONTROLS[control]
    file = compile_pdf(f"{HEAD}#{code}{TAIL}", tmp_path / "control.pdf")
    found = faults(file)
    assert {fault.kind for fault in found} == ({kind} if kind else set())


def test_a_document_without_tags_or_margins_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "untagged.pdf"
    file.write_bytes(typst.compile(b"Words", format="pdf", pdf_tags=False))
    with pytest.raises(ValueError, match="has no tags"):
        faults(file)
    with pytest.raises(ValueError, match="no running heads"):
        faults(compile_pdf('#set document(title: "One")\n= Heading', tmp_path / "empty.pdf"))


def test_the_conformance_book_has_no_fault(conformance_book: Path) -> None:
    assert [str(fault) for fault in faults(conformance_book / "Conformance-book.pdf")] == []


def test_the_command_tells_what_it_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = compile_pdf(f"{HEAD}{TAIL}", tmp_path / "good.pdf")
    assert main([str(good)]) == 0
    bad = compile_pdf(f'{HEAD}#raw("{"x" * 60}"){TAIL}', tmp_path / "bad.pdf")
    assert main([str(bad)]) == 1
    assert "page 2: beyond the margin: P, right, " in capsys.readouterr().out


SPOKEN = """
#set document(title: "Control")
#set text(lang: "en")
= First
== Second
Words $x$ and more.
#figure(caption: [Named], table(
  columns: 2, table.header[a][b],
  table.header(level: 2, repeat: false, table.cell(colspan: 2)[group]), [1], [2],
))
#PICTURE
""".replace("PICTURE", picture(20, 20)).replace("$x$", '#math.equation(alt: "x", $x$)')
GAPS = {
    '#set document(title: "Control")': ("", "dc:title"),
    "= First": ("Words", "a heading of the first level"),
    "== Second": ("=== Second", "a heading of level 2 above 'Second'"),
    ', alt: "A triangle."': ("", "the alternative text of a Figure"),
    'alt: "x", ': ("", "the alternative text of a Formula"),
    "table.header[a][b]": ("[a], [b]", "the heads of the columns"),
}


def without_standard(content: str, file: Path) -> Path:
    """A PDF with tags that Typst does not hold to any standard."""
    file.write_bytes(typst.compile(content.encode(), format="pdf"))
    return file


def test_nothing_is_missing_where_all_is_said(tmp_path: Path) -> None:
    assert missing(compile_pdf(SPOKEN, tmp_path / "whole.pdf")) == []


@pytest.mark.parametrize("part", GAPS)
def test_what_a_document_does_not_say_is_found(part: str, tmp_path: Path) -> None:
    instead, gap = GAPS[part]
    assert part in SPOKEN
    found = missing(without_standard(SPOKEN.replace(part, instead), tmp_path / "gap.pdf"))
    assert any(each.startswith(gap) for each in found), found


def test_the_conformance_book_says_all(conformance_book: Path) -> None:
    assert missing(conformance_book / "Conformance-book.pdf") == []


# The sizes of tables --------------------------------------------------------------------------------


def lua(folder: Path, code: str) -> str:
    """What a piece of code says that knows the filters."""
    script = folder / "script.lua"
    script.write_text(f'package.path = "{FILTERS}/?.lua"\n{code}', encoding="utf-8")
    run = subprocess.run([str(PANDOC), "lua", str(script)], capture_output=True, check=True)
    return run.stdout.decode()


def test_a_letter_of_a_table_is_about_as_wide_as_is_said_and_never_wider(tmp_path: Path) -> None:
    found = lua(tmp_path, 'print(pandoc.json.encode(require("fitted").classes))')
    fonts = [TTFont(FONTS / f"DejaVuSans{name}.ttf") for name in ("", "-Bold")]
    checked: set[str] = set()
    for regular, bold, letters in json.loads(found):
        for font, said in zip(fonts, (regular, bold), strict=True):
            for letter in letters:
                width, _ = font["hmtx"][font.getBestCmap()[ord(letter)]]
                assert 0 <= said - width / font["head"].unitsPerEm * 1000 < 140, letter
        assert not checked & set(letters)
        checked |= set(letters)
    assert checked >= {chr(code) for code in range(32, 127)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # Four letters of 640 thousandths, narrower than the head, and the head of 880, 735, 1110, 735, 735 and 500.
        ("anon", "3460 4695"),
        ("anon " * 8, "23200 4695"),
        ("anon~an\\\\_on", "5995 4695"),
        ("#link(<fig-one>)[anon]anon", "5120 4695"),
        ("anon " * 20, None),  # it needs two lines
        ("_anon_", None),  # and these may be wider than they look
        ("#super[2]", None),
        ("Ω", None),
    ],
)
def test_the_columns_of_a_table_are_known_where_each_cell_stands_on_one_line(
    tmp_path: Path, text: str, said: str | None
) -> None:
    cell = '{{ text = "{}", columns = 1, rows = 1 }}'
    head = f"{{ head = true, cells = {{ {cell.format('Name')}, {cell.format('Number')} }} }}"
    row = f"{{ cells = {{ {cell.format(text)}, {cell.format('1,234')} }} }}"
    found = lua(
        tmp_path,
        f'local columns = require("fitted").columns({{ {head}, {row} }}, 2, 50000, 1000)\n'
        'print(columns and table.concat(columns, " "))',
    )
    assert found.strip() == (said or "nil")


def test_what_stands_over_columns_makes_the_last_of_them_wider(tmp_path: Path) -> None:
    rows = """{
      { head = true, cells = { { text = "ii", columns = 1, rows = 2 }, { text = "iiiiiiii", columns = 2, rows = 1 } } },
      { head = true, cells = { { text = "i", columns = 1, rows = 1 }, { text = "i", columns = 1, rows = 1 } } },
    }"""
    code = f'print(table.concat(require("fitted").columns({rows}, 3, 50000, 1000), " "))'
    # Eight letters of 380, of which one stands in the column before, and what is around a cell besides.
    assert lua(tmp_path, code).split() == ["760", "380", str(8 * 380 - 380 - 1000)]


def test_a_row_with_one_line_is_as_tall_as_typst_would_make_it(tmp_path: Path) -> None:
    template = (FILTERS.parent / "templates" / "paper.typ").read_text(encoding="utf-8")
    (tmp_path / "paper.typ").write_text(template, encoding="utf-8")
    main = tmp_path / "main.typ"
    table = "table(columns: 2, ROWS [a], [Hg], [*b*], [$-1$])"
    heights = "\n".join(
        f"#context [#metadata(measure({table.replace('ROWS', rows)}).height) <height>]"
        for rows in ("", "rows: one-line,")
    )
    show = '#import "paper.typ": *\n#show: book.with(title: "A")\n'
    main.write_text(show + heights, encoding="utf-8")
    found = json.loads(
        typst.query(main, "<height>", font_paths=[FONTS], ignore_system_fonts=True, field="value")
    )
    assert len(found) == 2 and found[0] == found[1]
