"""The pictures that cells draw: written as files, and put into the pages of the website themselves.

In a page, a picture of vectors takes the colours of the page, and says its values where a reader points at them.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from html import unescape
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from coprod.errors import BookError, Fault
from coprod.palette import PALETTE
from coprod.render import sealed
from coprod.render.keys import file_hash, text_hash

if TYPE_CHECKING:
    from coprod.render.site import Page

__all__ = ["inlined", "with_drawings", "write_picture"]

SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}"
SHAPES = {
    *("svg", "g", "defs", "symbol", "use", "path", "rect", "circle", "ellipse", "line", "polyline"),
    *("polygon", "text", "tspan", "title", "desc", "clipPath", "linearGradient", "radialGradient"),
    *("stop", "pattern", "marker", "mask", "image"),
}
"""What a picture may hold that goes into a page; with anything else, it stays a file of its own."""
ADDRESSES = ("href", "xlink:href")

IMAGE = re.compile(r"<img\b[^>]*>")
ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')
SIZE = re.compile(r"([\d.]+)pt")
COLOUR = re.compile(r"#[0-9a-f]{6}\b", re.IGNORECASE)
REFERENCE = re.compile(r"#([^\s\"')]+)")
OUTSIDE = re.compile(r"url\(\s*[^#\s]")
LONG = re.compile(r"-?\d+\.\d{3,}")
# Matplotlib's only style, which would hold of the whole page.
EVERYTHING = re.compile(r"\s*\*\s*\{([^{}]*)\}\s*")
# Black is the ink of a drawing without a theme.
VARIABLES = {value: name for name, value in PALETTE.items()} | {"#000000": "ink"}


def write_picture(content: str, file: Path, name: str) -> dict[str, Any]:
    """Write a picture, and say how large it is in pixels of the page.

    Parameters
    ----------
    content
        SVG, or PNG in base 64.
    file
        Where it goes.
    name
        The same place, from the chapter's own.

    Returns
    -------
    dict
        The output as the filters take it: ``kind`` and ``path``; of an SVG ``width`` and ``height``.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".png":
        try:
            file.write_bytes(base64.b64decode(content))
        except binascii.Error:
            raise BookError(
                "the book cannot be rendered",
                [Fault(name, "the picture that a cell gave is no PNG")],
            ) from None
        return {"kind": "image", "path": name}
    file.write_text(content, encoding="utf-8", newline="\n")
    start = re.search(r"<svg\b[^>]*>", content)
    given = dict(ATTRIBUTE.findall(start[0])) if start else {}
    sizes = [SIZE.fullmatch(given.get(side, "")) for side in ("width", "height")]
    shown = {"kind": "image", "path": name}
    for side, size in zip(("width", "height"), sizes, strict=True):
        if all(sizes) and size:
            shown[side] = f"{float(size[1]) * 4 / 3:.0f}px"
    return shown


def with_drawings(pages: Sequence[Page], folder: Path, kept: Path | None = None) -> list[Page]:
    """Pages with the pictures that their cells drew in place of the links to their files.

    Parameters
    ----------
    pages
        The pages.
    folder
        The folder of the website, which holds the files.
    kept
        The file that holds what was made of them before; by default all is made anew.
    """
    before: dict[str, str] = (kept and sealed.load(kept)) or {}
    now: dict[str, str] = {}
    made = [
        dataclasses.replace(page, body=inlined(page.body, page.source, folder, before, now))
        for page in pages
    ]
    if kept and now.keys() != before.keys():
        sealed.save(kept, now)
    return made


def inlined(
    body: str,
    source: str,
    folder: Path,
    before: Mapping[str, str] | None = None,
    kept: dict[str, str] | None = None,
) -> str:
    """A page with the pictures that its cells drew in place of the links to their files.

    Parameters
    ----------
    body
        The page as HTML.
    source
        The chapter's file, from the book's folder.
    folder
        The folder of the website, which holds the files.
    before, kept
        What :func:`_picture` gave in an earlier build, and what takes it for the next one.
    """
    chapter = PurePosixPath(source)
    drawn = f"{chapter.stem}_files/"

    def replace(found: re.Match[str]) -> str:
        given = {name: unescape(value) for name, value in ATTRIBUTE.findall(found[0])}
        name = unquote(given.get("src", ""))
        file = folder / chapter.parent / name
        if not name.startswith(drawn) or file.suffix != ".svg" or not file.is_file():
            return found[0]
        content = file.read_text(encoding="utf-8")
        key = text_hash(json.dumps([_version(), content, file.stem, given]))
        picture = (before or {}).get(key)
        if picture is None:
            picture = _picture(content, file.stem, given) or ""
        if kept is not None:
            kept[key] = picture
        return _scrolled(picture, file.stem, given, body) if picture else found[0]

    return IMAGE.sub(replace, body)


@cache
def _version() -> str:
    """What changes when pictures are put into pages in another way."""
    return text_hash(f"{file_hash(Path(__file__))} {PALETTE}")


def _scrolled(picture: str, name: str, given: dict[str, str], body: str) -> str:
    """A picture that can be moved sideways where the page is too narrow for its words."""
    captions = (f"{name}-caption", f"{name.rpartition('-')[0]}-caption")
    caption = next((each for each in captions if f'id="{each}"' in body), None)
    named = {"aria-labelledby": caption} if caption else {"aria-label": given.get("alt", "")}
    return f'<span class="picture" tabindex="0" role="region" {_attributes(named)}>{picture}</span>'


def _picture(content: str, name: str, given: dict[str, str]) -> str | None:
    """An SVG as an element of a page; none if it holds more than shapes."""
    # Declarations of a type would let a picture name other files.
    if "<!ENTITY" in content:
        return None
    try:
        drawing = ElementTree.fromstring(content)
    except ElementTree.ParseError:
        return None
    if drawing.tag != f"{SVG}svg":
        return None
    precise = "Matplotlib" in content[:2000]
    inherited = {"fill": PALETTE["ink"]}
    for parent in list(drawing.iter()):
        for child in list(parent):
            if child.tag == f"{SVG}metadata" or (precise and _is_ground(parent, child)):
                parent.remove(child)
            elif child.tag == f"{SVG}style":
                everything = EVERYTHING.fullmatch(child.text or "")
                if not everything:
                    return None
                inherited |= _declarations(everything[1])
                parent.remove(child)
    wanted = {
        target
        for element in drawing.iter()
        for value in element.attrib.values()
        for target in REFERENCE.findall(value)
    }
    # Of its own kind, that no label of the book has.
    ids = {
        old: f"{name}:{number}"
        for number, old in enumerate(
            element.attrib["id"] for element in drawing.iter() if element.get("id") in wanted
        )
    }
    view = drawing.get("viewBox") or f"0 0 {drawing.get('width')} {drawing.get('height')}"
    drawing.attrib = {
        "class": "drawn",
        "role": "img",
        "aria-label": given.get("alt", ""),
        "alt": given.get("alt", ""),
        **{key: value for key, value in given.items() if key == "aria-describedby"},
        **_size(given, view),
        "viewBox": view,
        "style": "; ".join(f"{key}: {value}" for key, value in inherited.items()),
    }
    for element in drawing.iter():
        if not _tidy(element, ids, precise and element is not drawing):
            return None
    return "".join(_written(drawing))


def _is_ground(parent: Element, child: Element) -> bool:
    """Whether this is the white that Matplotlib lays under a figure, in place of which a page has its own."""
    white = any(f"fill: {PALETTE['paper']}" in each.get("style", "") for each in child)
    return (parent.get("id"), child.get("id")) == ("figure_1", "patch_1") and white


def _size(given: dict[str, str], view: str) -> dict[str, str]:
    """Width and height in pixels, as the page would have given them to the file."""
    size = dict(_declarations(given.get("style", "")))
    wide, high = size.get("width"), size.get("height")
    wide, high = wide or given.get("width"), high or given.get("height")
    if not wide or not high:
        wide, high = view.split()[2:]
    return {"width": wide.removesuffix("px"), "height": high.removesuffix("px")}


def _declarations(style: str) -> dict[str, str]:
    pairs = (each.split(":", 1) for each in style.split(";") if ":" in each)
    return {key.strip(): value.strip() for key, value in pairs}


def _tidy(element: Element, ids: dict[str, str], precise: bool) -> bool:
    """Make an element fit for a page; false if it is none that may stand there."""
    element.tag = element.tag.removeprefix(SVG)
    if element.tag not in SHAPES:
        return False
    kept = {}
    for key, value in element.attrib.items():
        name = key.replace(XLINK, "xlink:")
        if "{" in name:
            continue
        if name.lower().startswith("on"):
            return False
        if name in ADDRESSES:
            name = "href"
            if not value.startswith(("#", "data:image/")):
                return False
        if name == "id":
            if value not in ids:
                continue
            value = ids[value]
        elif name == "style":
            value = COLOUR.sub(_variable, value)
        elif precise and name in ("d", "points", "x", "y", "width", "height"):
            value = LONG.sub(_short, value)
        elif precise and name == "transform" and value.startswith("translate"):
            moved, _, more = value.partition(")")
            value = f"{LONG.sub(_short, moved)}){more}"
        if OUTSIDE.search(value):
            return False
        if name in ("style", "href") or "url(" in value:
            value = REFERENCE.sub(lambda at: f"#{ids.get(at[1], at[1])}", value)
        kept[name] = " ".join(value.split())
    element.attrib = kept
    return True


def _variable(colour: re.Match[str]) -> str:
    """A colour of the theme as the page's own, which is another one in the dark."""
    name = VARIABLES.get(colour[0].lower())
    return f"var(--{name}, {colour[0]})" if name else colour[0]


def _short(number: re.Match[str]) -> str:
    """A number in points to a hundredth, which nobody can see."""
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


def _written(element: Element) -> Iterator[str]:
    yield f"<{element.tag} {_attributes(element.attrib)}".rstrip()
    words = element.tag in ("text", "tspan", "title", "desc")
    text = (element.text or "") if words else (element.text or "").strip()
    if not text and not len(element):
        yield "/>"
        return
    yield f">{_escaped(text)}"
    for child in element:
        yield from _written(child)
        if words:
            yield _escaped(child.tail or "")
    yield f"</{element.tag}>"


def _attributes(given: dict[str, str]) -> str:
    return " ".join(
        f'{key}="{_escaped(value).replace(chr(34), "&quot;")}"' for key, value in given.items()
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
