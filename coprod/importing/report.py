"""What was read of a panel file, or what is wrong with it, as lines and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from coprod.errors import Fault, PanelError
from coprod.fielded import WEIGHT, parts
from coprod.importing.table import Table, shown
from coprod.instrument import load_instrument
from coprod.panel import Panel, read_panel

__all__ = ["faults", "page", "summary"]

STYLE = (
    "body{font:1rem/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "th,td{text-align:left;vertical-align:top;padding:.3rem .8rem;border-bottom:1px solid #bbb;"
    "overflow-wrap:anywhere}"
)


def summary(panel: Panel, table: Table) -> list[tuple[str, str]]:
    """What was read, by what it is about."""
    frame, instrument = panel.frame, panel.instrument
    areas, named = frame["area"].value_counts(sort=False), instrument.areas
    lines = [
        ("Format", "; ".join(table.format)),
        ("Respondents", f"{len(frame):,}"),
        (
            "Areas",
            ", ".join(
                f"{shown(named[area])} ({count:,})" for area, count in areas.items() if count
            ),
        ),
        ("Weights", _weights(panel)),
        ("Issues", ", ".join(instrument.issues)),
        ("Arms", ", ".join(instrument.arms) if panel.has_experiment else "none: no experiment"),
        ("Data", "synthetic" if panel.synthetic else "answers of people"),
    ]
    # A variable that was too small to be kept was asked all the same, and is in the file.
    absent = [
        part
        for part, columns in parts(load_instrument()).items()
        if (not panel.weighted if part == WEIGHT else not set(columns) & set(table.header))
    ]
    if absent:
        lines.append(("Not asked", ", ".join(absent)))
    for name, values in table.missing.items():
        said = ", ".join(f"{shown(value)} ({count:,})" for value, count in values.items())
        lines.append((f"Missing in {shown(name)}", f"as the file declares: {said}"))
    for name, values in table.emptied.items():
        if values:
            said = ", ".join(f"{shown(value)} ({count:,})" for value, count in values.items())
            lines.append((f"Missing in {name}", f"as the mapping or the file says: {said}"))
    if panel.min_cell:
        lines.append(
            (
                "Fewest told of",
                f"{panel.min_cell} respondents (render takes another number as --min-cell)",
            )
        )
    lines += [("Too small", said) for said in panel.put_together]
    if panel.mapping:
        lines.append(("Mapping", f"SHA-256 {panel.mapping}"))
    return lines


def faults(file: Path, mapping: Path | None = None) -> tuple[Fault, ...]:
    """Everything that is wrong with a file and its mapping; () where they can be used.

    Examples
    --------
    >>> from coprod.paths import EXAMPLE, EXAMPLE_FIRST_TRY, EXAMPLE_MAPPING
    >>> faults(EXAMPLE, EXAMPLE_MAPPING)
    ()
    >>> print(faults(EXAMPLE, EXAMPLE_FIRST_TRY)[1])
    anyborough-first-try.yml:33: the file has no column 'llt'; did you mean 'llti'?
    """
    try:
        read_panel(file, mapping)
    except PanelError as error:
        return error.faults or (Fault("", error.summary),)
    return ()


def _weights(panel: Panel) -> str:
    if not panel.weighted:
        return "1 for everybody: the panel has none"
    weights = panel.frame["weight"]
    said = f"from {weights.min():.3g} to {weights.max():.3g}, mean {weights.mean():.3g}"
    if panel.margins is None:
        return said
    variables = ", ".join(panel.margins["variable"].unique())
    return f"{said}, raked to margins of {variables} within each area"


def page(title: str, lines: Sequence[tuple[str, str]]) -> str:
    """A page that needs no other file; whatever stands in the lines is shown and never runs.

    Examples
    --------
    >>> "<b>" in page("Panel", [("<b>", "&")])
    False
    """
    rows = "\n".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(said)}</td></tr>'
        for name, said in lines
    )
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="en-GB">\n<head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style></head>\n"
        f"<body><h1>{escape(title)}</h1>\n<table>\n{rows}\n</table></body>\n</html>\n"
    )
