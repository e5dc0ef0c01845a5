"""Each way in which a book can be wrong gives one message with file and line, and changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from coprod.cli import run
from tests.books import CONFIG, FILES, WORDS, old_book, write_book

ONE = FILES["chapters/one.qmd"]
REFERENCES = FILES["chapters/references.qmd"]
FIGURE = (
    "```{{python}}\n#| label: {label}\n{options}"
    "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n```\n"
)

# What is broken, the files changed, and what the message must say, its place first.
BROKEN = {
    "an unknown shortcode": (
        {"one": WORDS + "\n{{< video x.mp4 >}}\n"},
        ["chapters/one.qmd:12", "shortcode 'video'", "include and meta"],
    ),
    "an unknown key of the project": (
        {"config": CONFIG + "number-section: true\n"},
        ["_quarto.yml:19", "'number-section'"],
    ),
    "a misspelt key inside a format": (
        {"config": CONFIG.replace("code-fold", "code-fld")},
        ["_quarto.yml:16", "'code-fld'", "did you mean 'code-fold'?"],
    ),
    "a value of a wrong type": (
        {"config": CONFIG.replace("code-fold: true", "toc-depth: deep")},
        ["_quarto.yml:16", "'deep'", "a whole number"],
    ),
    "resources that lead out of the project": (
        {"config": CONFIG.replace("type: book", 'type: book\n  resources: "../*.csv"')},
        ["_quarto.yml:3", "paths inside the project"],
    ),
    "resources from the root of the machine": (
        {"config": CONFIG.replace("type: book", "type: book\n  resources: [/etc/*.conf]")},
        ["_quarto.yml:3", "paths inside the project"],
    ),
    "a pattern of resources that is none": (
        {"config": CONFIG.replace("type: book", "type: book\n  resources: files/**.csv")},
        ["_quarto.yml:3", "paths inside the project"],
    ),
    "a CITATION.cff that is no YAML": (
        {"CITATION.cff": "url: [\n", "config": CONFIG + "citation: true\n"},
        ["the book cannot be cited", "CITATION.cff"],
    ),
    "a style sheet that leads out of the project": (
        {"config": CONFIG.replace("    code-fold: true", "    css: ../style.css")},
        ["_quarto.yml:16", "a path inside the project"],
    ),
    "an include that leads out of the project": (
        {"one": WORDS + "\n{{< include ../../_none.qmd >}}\n"},
        ["chapters/one.qmd:12", "leads out of the project"],
    ),
    "a picture that is outside the project": (
        {"one": WORDS + "\n![A](../../a.png){fig-alt='a'}\n"},
        ["chapters/one.qmd:12", "outside the project"],
    ),
    "a link to a file outside the project": (
        {"one": WORDS + "\n[A](../../a.csv)\n"},
        ["chapters/one.qmd:12", "outside the project"],
    ),
    "a chapter outside the project": (
        {"config": CONFIG.replace("chapters/one.qmd", "../up.qmd")},
        ["_quarto.yml:9", "not named from the project's folder"],
    ),
    "a chapter that is named in a roundabout way": (
        {"config": CONFIG.replace("chapters/one.qmd", "./chapters/one.qmd")},
        ["_quarto.yml:9", "not named from the project's folder"],
    ),
    "two chapters whose notebooks would have one name": (
        {
            "config": CONFIG.replace("one.qmd\n", "one.qmd\n    - chapters-one.qmd\n"),
            "chapters-one.qmd": "# Two\n",
        },
        ["_quarto.yml:10", "rename one"],
    ),
    "a title of nothing": (
        {"config": CONFIG.replace("A small book", " ")},
        ["_quarto.yml:4", "title is empty"],
    ),
    "a title with a sign that no text has": (
        {"config": CONFIG.replace("A small book", "a\\0b")},
        ["_quarto.yml:4", "'title'"],
    ),
    "a chapter with a sign that no text has": (
        {"one": WORDS + "\na\0b\n"},
        ["chapters/one.qmd", "NUL"],
    ),
    "an include whose name no file can have": (
        {"one": WORDS + "\n{{< include a\0b.qmd >}}\n"},
        ["chapters/one.qmd"],
    ),
    "an expression that is far too long": (
        {"one": WORDS + f"\n`{{python}} {'-' * 20_000}1`\n"},
        ["chapters/one.qmd:12"],
    ),
    "includes in each other without an end": (
        {
            "one": WORDS + "\n{{< include _0.qmd >}}\n",
            **{
                f"chapters/_{deep}.qmd": f"{{{{< include _{deep + 1}.qmd >}}}}\n"
                for deep in range(100)
            },
        },
        ["chapters/_19.qmd:1", "20 deep"],
    ),
    "a cell that gives a picture that is none": (
        {
            "one": ONE + "\n```{python}\nfrom IPython.display import publish_display_data\n"
            "publish_display_data({'image/png': 'abc'})\n```\n"
        },
        ["cell-2-1.png", "no PNG"],
    ),
    "a cell that gives what no notebook can hold": (
        {
            "one": ONE + "\n```{python}\nfrom IPython.display import publish_display_data\n"
            "publish_display_data({'text/html': {'a': 1}})\n```\n"
        },
        ["chapters/one.qmd:13", "no notebook can hold"],
    ),
    "a PDF that would leave the book's folder": (
        {"config": CONFIG.replace("book:\n  title", "book:\n  output-file: ../x\n  title")},
        ["_quarto.yml:4", "a name without a folder"],
    ),
    "a project file that is no YAML": (
        {"config": CONFIG.replace("book:\n", "book: [\n", 1)},
        ["_quarto.yml:", "not valid YAML"],
    ),
    "a chapter that does not exist": (
        {"config": CONFIG.replace("one.qmd", "two.qmd")},
        ["_quarto.yml:9", "'chapters/two.qmd' does not exist"],
    ),
    "a link to a chapter that does not exist": (
        {"one": WORDS + "\n[two](two.qmd)\n"},
        ["chapters/one.qmd:12", "'two.qmd' does not exist"],
    ),
    "a link to an anchor that does not exist": (
        {"one": WORDS + "\n[there](#nowhere)\n"},
        ["chapters/one.qmd:12", "'#nowhere' leads nowhere"],
    ),
    "an unresolved cross-reference": (
        {"one": WORDS + "\nSee @fig-none.\n"},
        ["chapters/one.qmd:12", "'@fig-none' leads nowhere"],
    ),
    "an unresolved cross-reference that a cell wrote": (
        {
            "one": ONE + "\n```{python}\n#| label: words\nfrom IPython.display import Markdown\n"
            "Markdown('See @' + 'tbl-none.')\n```\n"
        },
        ["chapters/one.qmd", "'@tbl-none' leads nowhere"],
    ),
    "a duplicate label in one chapter": (
        {"one": WORDS + "\n## A {#sec-a}\n\n## B {#sec-a}\n"},
        ["chapters/one.qmd:14", "'sec-a' stands twice", "chapters/one.qmd:12"],
    ),
    "a duplicate label in two chapters": (
        {"references": REFERENCES + "\n## Again {#sec-one}\n"},
        ["chapters/references.qmd:6", "'sec-one' stands twice", "chapters/one.qmd:1"],
    ),
    "a duplicate label of a cell": (
        {"one": ONE + "\n```{python}\n#| label: add\n1\n```\n"},
        ["chapters/one.qmd:13", "'add' stands twice"],
    ),
    "a missing citation key": (
        {"one": WORDS + "\nAs in [@nobody1999].\n"},
        ["chapters/one.qmd:12", "no entry 'nobody1999'"],
    ),
    "a missing bibliography": ({"bib": ""}, ["_quarto.yml", "'references.bib' does not exist"]),
    "a missing include": (
        {"one": WORDS + "\n{{< include _none.qmd >}}\n"},
        ["chapters/one.qmd:12", "'chapters/_none.qmd' does not exist"],
    ),
    "an include that includes itself": (
        {"one": WORDS + "\n{{< include one.qmd >}}\n"},
        ["chapters/one.qmd:12", "includes itself"],
    ),
    "a missing picture": (
        {"one": WORDS + '\n![](none.png){fig-alt="Nothing."}\n'},
        ["chapters/one.qmd:12", "'none.png' does not exist"],
    ),
    "a missing file that is linked": (
        {"one": WORDS + "\n[data](none.csv)\n"},
        ["chapters/one.qmd:12", "'none.csv' does not exist"],
    ),
    "a figure with a caption and no alternative text": (
        {"one": ONE + "\n" + FIGURE.format(label="fig-x", options='#| fig-cap: "A line"\n')},
        ["chapters/one.qmd:13", "cell 'fig-x'", "fig-alt"],
    ),
    "a picture without a caption or an alternative text": (
        {"one": WORDS + "\n![](../references.bib)\n"},
        ["chapters/one.qmd:12", "no alternative text"],
    ),
    "a drawing without a label or an alternative text": (
        {
            "one": ONE
            + "\n```{python}\nimport matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()\n```\n"
        },
        ["chapters/one.qmd:12", "the picture of cell 2 has no alternative text"],
    ),
    "a labelled figure without a caption": (
        {"one": ONE + "\n" + FIGURE.format(label="fig-x", options="")},
        ["chapters/one.qmd:13", "cell 'fig-x' has no caption"],
    ),
    "a figure that draws nothing": (
        {
            "one": ONE
            + '\n```{python}\n#| label: fig-x\n#| fig-cap: "A"\n#| fig-alt: "B"\nx = 1\n```\n'
        },
        ["chapters/one.qmd", "'fig-x' shows nothing"],
    ),
    "an unknown option of a cell": (
        {"one": ONE.replace("#| label: add", "#| label: add\n#| ecko: false")},
        ["chapters/one.qmd:7", "'ecko'", "did you mean 'echo'?"],
    ),
    "a cell that raises": (
        {"one": ONE.replace("print(2 + 3)", "x = 1\n\nx / 0")},
        ["chapters/one.qmd:9", "cell 'add'", "ZeroDivisionError: division by zero"],
    ),
    "a cell that raises in a function of a library": (
        {"one": ONE.replace("print(2 + 3)", "import json\njson.loads('nothing')")},
        ["chapters/one.qmd:8", "JSONDecodeError"],
    ),
    "a cell that is no Python": (
        {"one": ONE.replace("print(2 + 3)", "ok = 1\nif True print()")},
        ["chapters/one.qmd:8", "SyntaxError"],
    ),
    "an inline expression that raises": (
        {"one": ONE.replace("1 + 1", "undefined + 1")},
        ["chapters/one.qmd:3", "an inline expression", "NameError"],
    ),
    "two values in one inline expression": (
        {"one": ONE + "\nThe sums `{python} 1, 2` and `{python} 3`.\n"},
        ["chapters/one.qmd:12", "'1, 2' is not one expression"],
    ),
    "an inline expression that is a statement": (
        {"one": ONE + "\nThe sum `{python} x = 1`.\n"},
        ["chapters/one.qmd:12", "'x = 1' is not one expression"],
    ),
    "options of a cell that are no keys": (
        {"one": ONE.replace("#| label: add", "#| add")},
        ["chapters/one.qmd:6", "must be keys"],
    ),
    "words in a tabset before its first tab": (
        {"one": WORDS + "\n::: {.panel-tabset}\n\nLost.\n\n### Tab\n\nWords.\n:::\n"},
        ["chapters/one.qmd:14", "before its first tab"],
    ),
    "a tabset without tabs": (
        {"one": ONE + "\n::: {.panel-tabset}\n```{python}\n1\n```\n:::\n"},
        ["chapters/one.qmd:13", "before its first tab"],
    ),
    "an inline expression over two lines": (
        {"one": ONE + "\nThe sum `{python} 1 +\n1` again.\n"},
        ["chapters/one.qmd:12", "one line"],
    ),
    "a block of another language": (
        {"one": WORDS + "\n```{r}\n1\n```\n"},
        ["chapters/one.qmd:12", "'{r}'"],
    ),
    "a fence that is never closed": (
        {"one": WORDS + "\n```{python}\n1\n"},
        ["chapters/one.qmd:12", "never closed"],
    ),
    "a div that is never closed": (
        {"one": WORDS + "\n::: {.callout-note}\nWords.\n"},
        ["chapters/one.qmd:12", "never closed"],
    ),
    "an unknown callout": (
        {"one": WORDS + "\n::: {.callout-danger}\nWords.\n:::\n"},
        ["chapters/one.qmd:12", "'danger' is unknown"],
    ),
    "an unknown condition": (
        {"one": WORDS + '\n::: {.content-visible when-format="docx"}\nWords.\n:::\n'},
        ["chapters/one.qmd:12", "condition"],
    ),
    "HTML of a cell that paper cannot show": (
        {
            "one": ONE
            + "\n```{python}\n#| label: web\nfrom IPython.display import HTML\nHTML('<b>x</b>')\n```\n"
        },
        ["chapters/one.qmd", "cell 'web'", "web only"],
    ),
    "a chapter without a title": ({"one": "Only words.\n"}, ["chapters/one.qmd", "no title"]),
    "a chapter with two titles": (
        {"one": WORDS + "\n# Two\n"},
        ["chapters/one.qmd:12", "second title, 'Two'"],
    ),
    "no place for the reference list": ({"references": "# References\n"}, ["reference list"]),
    "a cross-reference to a chapter on the front page": (
        {"index": "# Preface {.unnumbered}\n\nSee @sec-one.\n"},
        ["index.qmd:3", "front page"],
    ),
    "front matter in a chapter": (
        {"one": "---\ntitle: One\n---\n\nWords.\n"},
        ["chapters/one.qmd:1", "front matter"],
    ),
    "LaTeX that would vanish": (
        {"one": WORDS + "\n\\textbf{bold}\n"},
        ["chapters/one.qmd:12", "no Markdown"],
    ),
    "HTML in prose for both formats": (
        {"one": WORDS + "\n```{=html}\n<b>bold</b>\n```\n"},
        ["chapters/one.qmd", "no Markdown"],
    ),
    "a formula that is no TeX": (
        {"one": WORDS + "\nSo $\\nosuch{x}$.\n"},
        ["chapters/one.qmd:12", "cannot be read"],
    ),
    "a condition on a span": (
        {"one": WORDS + '\n[web]{.content-visible when-format="html"}\n'},
        ["chapters/one.qmd:12", "a span cannot"],
    ),
    "a block that no blank line sets apart": (
        {"one": WORDS + "\nWords\n::: {.callout-note}\nMore.\n:::\n"},
        ["chapters/one.qmd", "printed as it was typed"],
    ),
    "a footnote that is not defined": (
        {"one": WORDS + "\nWords.[^none]\n"},
        ["chapters/one.qmd", "printed as it was typed"],
    ),
    "a heading that skips a level": (
        {"one": WORDS + "\n#### Deep\n"},
        ["chapters/one.qmd:12", "'Deep' skips a level"],
    ),
    "an id that stands twice": (
        {"one": WORDS + "\n## A {#same}\n\n## B {#same}\n"},
        ["chapters/one.qmd", "'same' stands twice"],
    ),
    "a rule in a chapter": (
        {"one": WORDS + "\n---\n\nWords.\n"},
        ["chapters/one.qmd:12", "front matter"],
    ),
    "an option after code": (
        {"one": ONE.replace("print(2 + 3)", "x = 1\n#| echo: false")},
        ["chapters/one.qmd:8", "options stand first"],
    ),
    "an alternative text of nothing": (
        {
            "one": ONE
            + "\n"
            + FIGURE.format(label="fig-x", options='#| fig-cap: "A"\n#| fig-alt: " "\n')
        },
        ["chapters/one.qmd:13", "fig-alt"],
    ),
    "an expression in a caption": (
        {"one": ONE + '\n```{python}\n#| label: tbl-x\n#| tbl-cap: "`{python} 1`"\n1\n```\n'},
        ["chapters/one.qmd:13", "expression or a shortcode"],
    ),
    "a bibliography that cannot be read": (
        {"bib": "@book{broken, title = {x}"},
        ["bibliography cannot be read"],
    ),
    "a language that is none": (
        {"config": CONFIG.replace("en-GB", "klingon_x")},
        ["_quarto.yml:12", "a language such as en-GB"],
    ),
    "a chapter that is not UTF-8": ({}, ["chapters/one.qmd", "not UTF-8"]),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_book_gives_one_message_and_leaves_the_old_book(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes, said = BROKEN[kind]
    project = write_book(tmp_path / "project", **{"one": WORDS, **changes})
    if not changes:
        (project / "chapters/one.qmd").write_bytes("# Caf\u00e9\n".encode("latin-1"))
    old = old_book(project)

    status = run(["render", "--project", str(project), "--engine", "embedded"])

    message = capsys.readouterr().err
    assert status == 2, message
    assert "Traceback" not in message
    for part in said:
        assert part in message, f"{part!r} is not in:\n{message}"
    assert sorted(path.name for path in old.iterdir()) == ["build.json", "index.html"]
    assert (old / "index.html").read_text() == "the old book"
    assert not list(project.glob("._book.*.new"))


def test_every_fault_is_named_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = write_book(
        tmp_path,
        one=ONE + "\n{{< video x >}}\n\n{{< include _none.qmd >}}\n\n```{r}\n```\n",
        references=REFERENCES + "\n::: {.callout-odd}\n:::\n",
    )
    assert run(["lint", "--project", str(project)]) == 2
    message = capsys.readouterr().err
    for part in ("'video'", "_none.qmd", "'{r}'", "'odd'"):
        assert part in message


def test_signs_that_some_take_for_ends_of_lines_are_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = write_book(tmp_path, one=ONE + "\na\x0cb\u2028c\x85d\n\n{{< video x >}}\n")
    assert run(["lint", "--project", str(project)]) == 2
    assert "chapters/one.qmd:14" in capsys.readouterr().err


def test_marks_and_line_ends_of_windows_change_nothing(tmp_path: Path) -> None:
    project = write_book(tmp_path)
    for file in [project / "_quarto.yml", *project.rglob("*.qmd")]:
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert run(["lint", "--project", str(project)]) == 0
    assert run(["render", "--project", str(project), "--engine", "embedded", "--to", "html"]) == 0


def test_an_unresolved_reference_is_not_taken_for_a_citation_as_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = write_book(tmp_path, one=WORDS + "\nSee [@fig-none].\n")
    assert run(["render", "--project", str(project), "--engine", "embedded", "--quiet"]) == 2
    message = capsys.readouterr().err
    assert message.count("chapters/one.qmd:12") == 1
    assert "bibliography" not in message


def test_a_whole_book_passes_the_lint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lint", "--project", str(write_book(tmp_path))]) == 0
    assert "3 chapters" in capsys.readouterr().out
