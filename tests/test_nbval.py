"""What the comparison of notebooks notices: nbval with the hook of tests/notebooks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from coprod.render.notebook import SETUP

HOOK = Path(__file__).parent / "notebooks" / "conftest.py"
DRAWING = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
SIZE = "<Figure size 640x480 with 1 Axes>"


def shown(**data: str) -> list[nbformat.NotebookNode]:
    names = {"text": "text/plain", "html": "text/html", "svg": "image/svg+xml"}
    return [new_output("display_data", {names[key]: value for key, value in data.items()})]


def printed(text: str) -> list[nbformat.NotebookNode]:
    return [new_output("stream", name="stdout", text=text)]


def html(made: str) -> str:
    return f"from IPython.display import HTML, display\ndisplay(HTML({made}))"


PAGE = "<IPython.core.display.HTML object>"
SAME = {
    "the same text": ("print('text')", printed("text\n")),
    "any picture": (DRAWING, shown(text=SIZE, svg="a picture")),
    "the same HTML": (html("'<b>1</b>'"), shown(text=PAGE, html="<b>1</b>")),
    "threads": ("import os\nprint(os.environ['OPENBLAS_NUM_THREADS'])", printed("1\n")),
}
CHANGED = {
    "another text": ("print('texts')", printed("text\n")),
    "a picture that is missing": ("print('text')", [*printed("text\n"), *shown(svg="a picture")]),
    "a picture too many": (f"{DRAWING}\n{DRAWING}", shown(text=SIZE, svg="a picture")),
    "a picture that was not there": (DRAWING, shown(text=SIZE)),
    "another size of a picture": (
        DRAWING.replace("import", "import matplotlib.pyplot\nimport", 1).replace(
            "plt.plot", "plt.figure(figsize=(2, 2))\nplt.plot"
        ),
        shown(text=SIZE, svg="a picture"),
    ),
    "other HTML": (html("'<b>2</b>'"), shown(text=PAGE, html="<b>1</b>")),
    "HTML with another drawing in it": (
        html("'<svg><path d=\"M1\"/></svg>'"),
        shown(text=PAGE, html='<svg><path d="M2"/></svg>'),
    ),
    "a random id": (
        "import uuid\n" + html("f'<i id=\"{uuid.uuid4()}\"></i>'"),
        shown(text=PAGE, html='<i id="a3"></i>'),
    ),
    "an address": ("object()", shown(text="<object object at 0x7f>")),
    "an exception": ("1 / 0", printed("text\n")),
    "an output that is missing": ("x = 2", shown(text="2")),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bool]:
    """Whether each cell passes, all in one notebook."""
    folder = tmp_path_factory.mktemp("nbval")
    shutil.copy(HOOK, folder)
    (folder / "pytest.ini").write_text("[pytest]\n")
    cells = [new_code_cell(SETUP, execution_count=1)]
    for source, outputs in (SAME | CHANGED).values():
        cells.append(new_code_cell(source, outputs=outputs, execution_count=1))
    nbformat.write(new_notebook(cells=cells), folder / "any.ipynb")
    subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "--junit-xml=results.xml", "any.ipynb"],
        cwd=folder,
        env={key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")},
        stdout=subprocess.DEVNULL,
        check=False,
    )
    cases = ElementTree.parse(folder / "results.xml").getroot().findall(".//testcase")
    wrong = {"failure", "error", "skipped"}
    passed = [wrong.isdisjoint(child.tag for child in case) for case in cases]
    assert len(passed) == len(cells)
    assert passed[0]
    return dict(zip(SAME | CHANGED, passed[1:], strict=True))


@pytest.mark.parametrize("case", SAME)
def test_what_is_the_same_passes(case: str, outcomes: dict[str, bool]) -> None:
    assert outcomes[case]


@pytest.mark.parametrize("case", CHANGED)
def test_what_differs_fails(case: str, outcomes: dict[str, bool]) -> None:
    assert not outcomes[case]
