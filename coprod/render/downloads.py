"""What a reader can take away of a page: each table as CSV, each picture as SVG and PNG."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any

import typst

from coprod.errors import BookError, Fault
from coprod.render import sealed
from coprod.render.chapter import Cell
from coprod.render.keys import file_hash, text_hash
from coprod.render.notebook import CSV

__all__ = ["FOLDER", "links", "write_pngs"]

FOLDER = "downloads"
# Two pixels of the picture for each of the page's, which has 96 to the inch.
RESOLUTION = 2 * 96


def links(
    cell: Cell, data: dict[str, Any], picture: str | None, page: str, folder: Path
) -> list[dict[str, str]]:
    """What can be taken away of one output of a cell, written where it is not a picture.

    Parameters
    ----------
    cell
        The cell. Only a numbered figure or table can be taken away.
    data
        The output's forms by their type.
    picture
        Where the output stands as a picture, from the page, or none.
    page
        The page, from the book's folder.
    folder
        The book's folder.

    Returns
    -------
    list of dict
        ``kind``, as CSV or PNG, and ``path``, from the page. The PNG is made by :func:`write_pngs`.
    """
    back = "../" * (len(PurePosixPath(page).parts) - 1) + FOLDER
    if cell.float == "fig" and picture and picture.endswith(".svg"):
        png = f"{back}/{PurePosixPath(picture).stem}.png"
        return [{"kind": "SVG", "path": picture}, {"kind": "PNG", "path": png}]
    if cell.float == "tbl" and CSV in data:
        file = folder / FOLDER / f"{cell.label}.csv"
        number = 1
        while file.exists():
            number += 1
            file = file.with_name(f"{cell.label}-{number}.csv")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(data[CSV], encoding="utf-8", newline="")
        return [{"kind": "CSV", "path": f"{back}/{file.name}"}]
    return []


def write_pngs(folder: Path, kept: Path | None = None) -> None:
    """Make a PNG of each numbered figure of a website.

    Parameters
    ----------
    folder
        The book's folder, which holds the pictures of its pages.
    kept
        The file that holds what was drawn before; by default all is drawn.
    """
    pictures = sorted(folder.glob("**/*_files/fig-*.svg"))
    how = f"{version('typst')} {file_hash(Path(__file__))}"
    keys = {picture: text_hash(f"{how} {file_hash(picture)}") for picture in pictures}
    before = (kept and sealed.load(kept)) or {}
    missing = [picture for picture in pictures if keys[picture] not in before]
    drawn = {keys[picture]: made for picture, made in zip(missing, _pngs(missing), strict=True)}
    if kept and drawn:
        old = {key: before[key] for key in keys.values() if key in before}
        new = {key: base64.b64encode(made).decode("ascii") for key, made in drawn.items()}
        sealed.save(kept, old | new)
    for picture, key in keys.items():
        (folder / FOLDER).mkdir(exist_ok=True)
        content = drawn[key] if key in drawn else base64.b64decode(before[key])
        (folder / FOLDER / f"{picture.stem}.png").write_bytes(content)


def _pngs(pictures: Sequence[Path]) -> list[bytes]:
    """A PNG of each picture, all in one run of Typst."""
    if not pictures:
        return []
    page = "#set page(width: auto, height: auto, margin: 0pt, fill: white)\n"
    with tempfile.TemporaryDirectory(prefix="coprod-") as temporary:
        main = Path(temporary).resolve() / "main.typ"
        for number, picture in enumerate(pictures):
            main.with_name(f"{number}.svg").write_bytes(picture.read_bytes())
        shown = (f'#image("{number}.svg")' for number in range(len(pictures)))
        main.write_text(page + "\n#pagebreak()\n".join(shown) + "\n", encoding="utf-8")
        # One page is given as it is, several as a list, which Typst's own stubs do not say.
        try:
            made: Any = typst.compile(
                main, root=main.parent, ignore_system_fonts=True, format="png", ppi=RESOLUTION
            )
        except typst.TypstError as error:
            names = ", ".join(picture.name for picture in pictures[:8])
            raise BookError(
                "no PNG could be made of the book's pictures", [Fault(names, str(error))]
            ) from None
    return made if isinstance(made, list) else [made]
