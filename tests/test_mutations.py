"""Two hundred broken or hostile files: each is read right, or refused completely and in words."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from coprod.check import check_table
from coprod.errors import PanelError
from coprod.field_export import from_the_field
from coprod.instrument import load_instrument
from coprod.panel import open_panel
from coprod.reading import read_table
from tests.mutations import Planted

INSTRUMENT = load_instrument()


def as_read(cells: pd.DataFrame) -> dict[str, list[float | str | None]]:
    """Cells as a panel holds them, told from the text alone."""
    return {
        name: [
            None if not text else float(text) if variable.kind in ("integer", "number") else text
            for text in cells[name]
        ]
        for name, variable in INSTRUMENT.variables.items()
    }


def right(made: Planted, file: Path) -> str:
    """What was planted is what is read, whoever is put together after."""
    table, _ = read_table(file)
    frame, faults = check_table(from_the_field(table, INSTRUMENT), INSTRUMENT)
    assert not faults, faults
    for name, wanted in as_read(made.wanted).items():
        found = frame[name].astype(object)
        assert found.where(found.notna(), None).tolist() == wanted, name
    panel = open_panel(file)
    assert len(panel.frame) == len(made.wanted)
    assert not panel.synthetic
    return "right"


def readable(error: PanelError) -> None:
    lines = str(error).split("\n")
    assert len(lines) == 1 + len(error.faults)
    for line in lines:
        assert line.isprintable(), line
        assert len(line) < 2_000, line
        assert "Traceback" not in line


def complete(made: Planted, file: Path) -> str:
    """Every planted fault has a line that names it."""
    with pytest.raises(PanelError) as caught:
        open_panel(file)
    readable(caught.value)
    lines = [str(fault) for fault in caught.value.faults]
    for parts in made.faults:
        assert any(all(part in line for part in parts) for line in lines), (parts, lines)
    return "refused"


def sound(file: Path, mapping: Path | None = None) -> str:
    """A panel of which every value is allowed, or a refusal in words."""
    try:
        panel = open_panel(file, mapping)
    except PanelError as error:
        readable(error)
        return "refused"
    for name, variable in panel.instrument.variables.items():
        values = panel.frame[name]
        given = values.dropna()
        assert variable.missing_allowed or len(given) == len(values)
        if variable.kind == "category":
            assert set(given) <= set(variable.levels)
        elif variable.kind == "text":
            assert all(0 < len(text) <= 64 and text.isprintable() for text in given)
            assert given.is_unique
        else:
            assert np.isfinite(given).all()
            assert variable.minimum is None or (given >= variable.minimum).all()
            assert variable.maximum is None or (given <= variable.maximum).all()
    return "read"
