"""A panel of respondents: read, held against the codebook, and given as frame and long view."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from coprod.check import check_table
from coprod.design import load_design
from coprod.disclosure import smallest_cell
from coprod.errors import Fault, PanelError, ValidityError
from coprod.field_export import from_the_field
from coprod.fielded import fielded, not_asked
from coprod.instrument import Instrument, load_instrument, ordered
from coprod.mapped import mapped
from coprod.mapping import PanelMapping, read_mapping
from coprod.merging import merged, merged_margins
from coprod.paths import DATAPACKAGE, PANEL, PROJECT
from coprod.population import raked, read_margins
from coprod.reading import Table, read_table, refuse, shown

__all__ = ["Panel", "open_panel", "protected", "read_panel"]

NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


@dataclass(frozen=True, eq=False)
class Panel:
    """Respondents and what is known of them.

    Attributes
    ----------
    frame
        One row a respondent, the columns of the codebook in its order: categories ordered,
        numbers as floats with NaN where nothing was answered.
    instrument
        The questionnaire.
    source
        Where the panel came from: the file's name.
    synthetic
        Whether it was drawn by a computer.
    checksum
        SHA-256 of the file.
    seed
        The seed it was drawn from, where it is the panel that comes with the project.
    weighted
        Whether it came with weights; everybody has the weight 1 where it did not.
    min_cell
        The fewest respondents of whom a number may be published; 0 where nobody can be found,
        since nobody answered.
    put_together
        What areas and groups were too small and so put together, in sentences.
    mapping
        SHA-256 of the mapping by which it was read; '' where there is none.
    margins
        The population shares to which its own mapping has raked the weights, as of
        `coprod.weights.load_margins`; None where there are none.
    """

    frame: pd.DataFrame
    instrument: Instrument
    source: str
    synthetic: bool
    checksum: str = ""
    seed: int | None = None
    weighted: bool = True
    min_cell: int = 0
    put_together: tuple[str, ...] = ()
    mapping: str = ""
    margins: pd.DataFrame | None = None

    @property
    def has_experiment(self) -> bool:
        """Whether anybody was in an experiment with two arms or more."""
        return "arm" in self.frame and self.frame["arm"].nunique() > 1

    @cached_property
    def long(self) -> pd.DataFrame:
        """One row a respondent and issue, ordered by respondent, then issue.

        Columns: `respondent`, `area`, `weight`, the background variables, `issue`, the
        perceptions (`state`, …) and the items (`ind_1` … `col_4`).

        Examples
        --------
        >>> panel = open_panel()
        >>> len(panel.long) == 3 * len(panel.frame)
        True
        """
        instrument, people = self.instrument, len(self.frame)
        issues = list(instrument.issues)
        row = np.repeat(np.arange(people), len(issues))
        shared = ["respondent", "area", "weight", *instrument.background]
        long = self.frame[shared].iloc[row].reset_index(drop=True)
        long["issue"] = ordered(np.tile(np.arange(len(issues)), people), issues)
        stems = [
            *instrument.perceptions,
            *(s for f in instrument.forms for s in instrument.stems(f)),
        ]
        values = {}
        for stem in stems:
            columns = [self.frame[f"{issue}_{stem}"].to_numpy(float) for issue in issues]
            values[stem] = np.column_stack(columns).ravel()
        return pd.concat([long, pd.DataFrame(values)], axis=1)

    def describe(self) -> str:
        """What data this is, in part of a sentence.

        Examples
        --------
        >>> open_panel().describe()  # doctest: +ELLIPSIS
        'synthetic panel of 2,624 respondents in five areas, drawn from data/design.yml ...'
        """
        areas = self.frame["area"].nunique()
        count = NUMBERS[areas] if areas < len(NUMBERS) else f"{areas:,}"
        said = f"panel of {len(self.frame):,} respondents in {count} area{'s' * (areas != 1)}"
        if not self.synthetic:
            return f"{said}, read from {self.source}"
        seed = "" if self.seed is None else f" with seed {self.seed}"
        return f"synthetic {said}, drawn from data/design.yml{seed}"


def open_panel(path: str | Path | None = None, mapping: str | Path | None = None) -> Panel:
    """Read a panel, check every column and value, and say everything that is wrong at once.

    Parameters
    ----------
    path
        A CSV, Excel, SPSS, Stata or Parquet file with the columns of the codebook. Where None:
        the file that the environment variable COPROD_PANEL names, else `data/panel.csv`.
    mapping
        A mapping of the file's columns and values onto those of the codebook, like
        `data/mapping-template.yml`. Where neither is given: the one that COPROD_MAP names.

    Returns
    -------
    Panel

    Raises
    ------
    PanelError
        When a file cannot be read or anything in it is not as the codebook has it: every
        fault, by column, line (row, for Parquet) and value, with what is allowed.

    Examples
    --------
    >>> panel = open_panel()
    >>> panel.synthetic
    True
    """
    return protected(read_panel(path, mapping)[0])


def read_panel(
    path: str | Path | None = None, mapping: str | Path | None = None
) -> tuple[Panel, Table]:
    """The panel that a file holds, and what was found out about the file.

    Unlike that of :func:`open_panel` nothing of it is protected yet: no groups are put together, and
    whatever is computed from it must stay with those who hold the file.

    Parameters
    ----------
    path, mapping
        As for :func:`open_panel`.

    Returns
    -------
    panel : Panel
        With `min_cell` 0.
    table : Table
        Its `format` and `missing` say how the file was read.

    Raises
    ------
    PanelError
        As :func:`open_panel`.

    Examples
    --------
    >>> panel, table = read_panel(PANEL)
    >>> table.format[0]
    'text in UTF-8'
    """
    if path is None:
        path = os.environ.get("COPROD_PANEL")
        mapping = mapping or os.environ.get("COPROD_MAP") or None
        if mapping and not path:
            raise PanelError(f"The mapping {shown(str(mapping), 300)} needs the file of a panel")
    file, whole = Path(path or PANEL), load_instrument()
    plan = None if mapping is None else read_mapping(Path(mapping), whole)
    table, content = read_table(file, None if plan is None else plan.options)
    table = from_the_field(table, whole)
    if plan is None:
        instrument = fielded(whole, not_asked(table.header, whole))
        before: list[Fault] = []
    else:
        table, instrument, before = mapped(table, plan)
    margins, more = _margins(plan)
    frame, found = check_table(table, instrument)
    faults = [*before, *more, *found]
    if margins is not None and not faults:
        frame, faults = raked(frame, margins, instrument)
    if faults:
        raise refuse(file, faults)
    checksum = hashlib.sha256(content).hexdigest()
    resolved = file.resolve()
    inside = resolved.is_relative_to(PROJECT)
    panel = Panel(
        frame=frame,
        instrument=instrument,
        source=shown(resolved.relative_to(PROJECT).as_posix() if inside else file.name, 100),
        synthetic=bool((frame["source"] == "synthetic").any()),
        checksum=checksum,
        seed=_seed(checksum),
        weighted=table.weighted,
        mapping="" if plan is None else plan.checksum,
        margins=margins,
    )
    try:
        return panel, table
    except PanelError as error:
        raise refuse(file, [Fault("", error.summary)]) from error


def protected(panel: Panel, min_cell: int | None = None) -> Panel:
    """A panel of which no group is too small to be shown; a synthetic one stays as it is.

    Parameters
    ----------
    panel
        The panel.
    min_cell
        The fewest respondents of whom a number may be told; as `smallest_cell` where None.

    Returns
    -------
    Panel

    Examples
    --------
    >>> protected(open_panel()).min_cell
    0
    """
    if panel.synthetic:
        return panel
    cell = smallest_cell(min_cell)
    frame, instrument, sentences = merged(panel.frame, panel.instrument, cell)
    margins = panel.margins
    if margins is not None:
        before = (panel.frame, panel.instrument)
        margins = merged_margins(margins, before, (frame, instrument))
    return replace(
        panel,
        frame=frame,
        instrument=instrument,
        min_cell=cell,
        put_together=sentences,
        margins=margins,
    )


def _margins(plan: PanelMapping | None) -> tuple[pd.DataFrame | None, Sequence[Fault]]:
    """The margins that a mapping names, or what is wrong with them."""
    if plan is None or plan.margins is None:
        return None, ()
    try:
        return read_margins(plan.margins, plan.instrument), ()
    except ValidityError as error:
        return None, error.faults or [Fault("", error.summary)]


def _seed(checksum: str) -> int | None:
    """The seed of the design, where the file is the one that its data package describes."""
    try:
        package = json.loads(DATAPACKAGE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if package["resources"][0]["hash"] != f"sha256:{checksum}":
        return None
    return int(load_design()["seed"])
