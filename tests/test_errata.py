"""The list of errors: read strictly, shown in full."""

from __future__ import annotations

from pathlib import Path

import pytest

from coprod.errata import load_errata
from coprod.errors import BookError
from coprod.show.errata import errata

ENTRY = """\
- found: 2027-01-31
  since: 0.1.0
  corrected: null
  where: Table 4.1
  said: A *mean* of 3.
  right: A mean of 4.
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "errata.yml"
    file.write_text(text, encoding="utf-8")
    return file


def test_an_error_is_listed_with_its_versions_and_shown_as_typed(tmp_path: Path) -> None:
    fixed = ENTRY.replace("null", "0.1.1").replace("4.1", "5.2")
    shown = errata(load_errata(write(tmp_path, ENTRY + fixed))).data
    assert r"\*mean\*" in shown
    first, second = shown.replace("\\", "").splitlines()
    assert first.startswith("- **Table 4.1**, ")
    assert "since version 0.1.0, not corrected yet (found on 31 January 2027)" in first
    assert "corrected in 0.1.1" in second


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("found: 2027-01-31", "found: last week", "errata.yml:1: 'found' is 'last week'"),
        ("  said: A *mean* of 3.\n", "", "errata.yml:1: 'said' is missing"),
        ("  where:", "  were:", "errata.yml:4: the key 'were'"),
        (ENTRY, "none: yet", "the file must hold a list"),
        (ENTRY, "[", "not valid YAML"),
        (ENTRY, "- none", "must hold keys"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    with pytest.raises(BookError, match="cannot be used") as raised:
        load_errata(write(tmp_path, ENTRY.replace(right, wrong)))
    assert said in str(raised.value)
