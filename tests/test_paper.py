"""The book on paper: faults of its layout and gaps in its tags are found where they are."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typst

from coprod.render.build import render
from coprod.render.conversion import FILTERS
from coprod.render.engine import PANDOC
from coprod.render.paper import FONTS, LAST_PAPER, LOOK, TEMPLATES
from tests.books import write_book
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


def test_letters_of_a_table_are_about_as_wide_as_is_said_and_never_wider(tmp_path: Path) -> None:
    code = 'local fitted = require("fitted")\nprint(pandoc.json.encode { fitted.classes, fitted.spare })'
    classes, spare = json.loads(lua(tmp_path, code))
    letters = "".join(letters for *_, letters in classes)
    assert len(letters) == len({*letters}) and {*letters} >= {chr(code) for code in range(32, 127)}
    main = tmp_path / "main.typ"
    for name, weight in enumerate(("regular", "bold")):
        said = {letter: each[name] for each in classes for letter in each[2]}
        main.write_text(
            f'#set text(font: "DejaVu Sans", size: 1000pt, weight: "{weight}")\n'
            f"#let letters = {json.dumps(letters, ensure_ascii=False)}.clusters()\n"
            "#context [#metadata(letters.map(a => measure(text(a)).width.pt())) <alone>\n"
            "#metadata(letters.map(a => letters.map(b => measure(text(a + b)).width.pt()))) <both>]",
            encoding="utf-8",
        )
        alone, both = (
            json.loads(
                typst.query(
                    main, label, font_paths=[FONTS], ignore_system_fonts=True, field="value"
                )
            )[0]
            for label in ("<alone>", "<both>")
        )
        for one, wide, pairs in zip(letters, alone, both, strict=True):
            assert one.isspace() or -0.5 <= said[one] - wide < 80, one
            for other, together in zip(letters, pairs, strict=True):
                if not (one + other).isspace():
                    assert together <= said[one] + said[other] + spare / 3, (weight, one, other)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # The head has letters of 837, 688, 1042 and 688 thousandths, or 837, 721, 1042, 721, 688 and 494; each cell has
        # 60 to spare and 1,000 around it.
        ("anon", "4315 5563 true"),
        ("anon " * 8, "23652 5563 true"),
        ("anon~an\\\\_on", "6890 5563 true"),
        ("#link(<fig-one>)[anon]anon", "6072 5563 true"),
        ("anon " * 20, "44437.0 5563 false"),  # it needs two lines, and takes what the other leaves
        ("_anon_", None),  # these may be wider than they look
        ("#super[2]", None),
        ("Ω", None),
    ],
)
def test_the_columns_of_a_table_are_known_where_all_its_letters_are(
    tmp_path: Path, text: str, said: str | None
) -> None:
    cell = '{{ text = "{}", columns = 1, rows = 1 }}'
    head = f"{{ {cell.format('Name')}, {cell.format('Number')} }}"
    row = f"{{ {cell.format(text)}, {cell.format('1,234')} }}"
    found = lua(
        tmp_path,
        f'local columns, single = require("fitted").columns({{ {head}, {row} }}, 2, 50000, 1000)\n'
        'print(columns and table.concat(columns, " ") .. " " .. tostring(single[2]))',
    )
    assert found.strip() == (said or "nil")


def test_columns_that_are_too_wide_share_as_those_of_typst_do(tmp_path: Path) -> None:
    # Typst's own columns of boxes that are as wide, in a table of 200 points.
    wanted = [20, 90, 35, 400, 66, 120]
    main = tmp_path / "main.typ"
    boxes = "".join(f"[#box(width: {721 * wide + 60}pt)]," for wide in wanted)
    main.write_text(
        f"#set page(width: {200 * 721}pt, margin: 0pt)\n#table(columns: {len(wanted)}, inset: 0pt, stroke: none,"
        f"{boxes}..range({len(wanted)}).map(i => layout(size => [#metadata(size.width.pt()) <wide>])))"
    )
    found = [float(wide) for wide in json.loads(typst.query(main, "<wide>", field="value"))]
    rows = ", ".join(f'{{ text = "{"n" * wide}", columns = 1, rows = 1 }}' for wide in wanted)
    code = (
        f'local columns = require("fitted").columns({{ {{ {rows} }} }}, {len(wanted)}, 200 * 721, 0)\n'
        'print(table.concat(columns, " "))'
    )
    assert [float(wide) for wide in lua(tmp_path, code).split()] == pytest.approx(found)


def test_what_needs_two_lines_leaves_all_its_rows_to_typst(tmp_path: Path) -> None:
    cell = '{{ text = "{}", columns = {}, rows = {} }}'.format
    rows = ", ".join(
        f"{{ {', '.join(cells)} }}"
        for cells in (
            [cell("n", 1, 1), cell("n", 1, 1)],
            [cell("n" * 90, 1, 2), cell("n", 1, 1)],
            [cell("n", 1, 1)],
            [cell("n" * 20, 2, 1)],
            [cell("n" * 90, 2, 1)],
        )
    )
    code = (
        f'local _, single = require("fitted").columns({{ {rows} }}, 2, 50000, 1000)\n'
        "for _, each in ipairs(single) do print(each) end"
    )
    assert lua(tmp_path, code).split() == ["true", "false", "false", "true", "false"]


def test_what_stands_over_columns_makes_the_last_of_them_wider(tmp_path: Path) -> None:
    rows = """{
      { { text = "ii", columns = 1, rows = 2 }, { text = "iiiiiiii", columns = 2, rows = 1 } },
      { { text = "i", columns = 1, rows = 1 }, { text = "i", columns = 1, rows = 1 } },
    }"""
    code = f'print(table.concat(require("fitted").columns({rows}, 3, 50000, 1000), " "))'
    # Eight letters of 343 with 1,060 around them, less the column before, for one of 278: only the first row is bold.
    assert lua(tmp_path, code).split() == ["1746", "1338", str(8 * 343 + 1060 - 1338)]


def test_only_a_table_that_has_all_the_room_is_given_its_columns(tmp_path: Path) -> None:
    cells = [["Name", "Text"], ["one", "words that are longer than a line " * 5], ["two", "short"]]
    rows = "".join(f"<tr><td>{name}</td><td>{text}</td></tr>" for name, text in cells)
    plain = (
        "```{python}\n#| label: one-b\nfrom IPython.display import HTML\n"
        f"HTML('<table><tbody>{rows}</tbody></table>')\n```"
    )
    floating = plain.replace("one-b", 'tbl-one-NAME\n#| tbl-cap: "A table"')
    project = write_book(
        tmp_path / "project",
        one="# One {#sec-one}\n\n"
        + floating.replace("NAME", "a")
        + f"\n\n::: {{.callout-note}}\n## Note\n{floating.replace('NAME', 'b')}\n:::\n\n"
        + f"{plain}\n\nSee @tbl-one-a and @tbl-one-b.\n",
    )
    render(project, "embedded", to="pdf", out=tmp_path / "book")
    typ = (project / LAST_PAPER / "1.typ").read_text(encoding="utf-8")
    shapes = re.findall(r"#table\(columns: \(([^)]*),\),(?: rows: \(([^)]*),\))?", typ)
    assert [rows for _, rows in shapes] == ["one-line, auto, one-line", "", ""]
    assert re.fullmatch(r"[\d.]+pt, [\d.]+pt", shapes[0][0])
    assert {columns for columns, _ in shapes[1:]} == {"auto, auto"}


def test_a_row_with_one_line_is_as_tall_as_typst_would_make_it(tmp_path: Path) -> None:
    for name in LOOK:
        shutil.copy(TEMPLATES / name, tmp_path)
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


# Listings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("for", "accent"),
        ("format3", "none"),  # the colour of what is around it
        ("'for # 3'", "olive"),
        (r'f"\" # 3"', "olive"),
        ('"""for\n3 \'\n"""', "olive"),
        ("'''for\n3 \"\n'''", "olive"),
        ("# for '3'", "muted"),
        ("3.5", "brown"),
        ("None", "brown"),
    ],
)
@pytest.mark.parametrize("language", ["python", "bash", "yaml"])
def test_a_listing_has_the_colours_of_the_site(
    tmp_path: Path, code: str, name: str, language: str
) -> None:
    for file in LOOK:
        shutil.copy(TEMPLATES / file, tmp_path)
    main = tmp_path / "main.typ"
    main.write_text(
        '#import "paper.typ": *\n#show: book.with(title: "A")\n#set page(footer: none)\n'
        f"#text(fill: white, raw({json.dumps(code)}, lang: {json.dumps(language)}, block: false))"
    )
    # Several pages are a list, which Typst's own stubs do not say.
    pages: Any = typst.compile(main, font_paths=[FONTS], ignore_system_fonts=True, format="svg")
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    by_day = re.findall(rf"--{name}: light-dark\((#\w+),", style)
    assert {*re.findall(r'fill="(#\w+)"', pages[-1].decode())} - {"#ffffff"} == {*by_day}
