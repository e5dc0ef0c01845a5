"""What several tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from coprod.render.build import render


@pytest.fixture(scope="session")
def conformance_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The conformance book, rendered once by the embedded engine."""
    project = Path(__file__).parent / "conformance" / "book"
    return render(project, "embedded", out=tmp_path_factory.mktemp("conformance") / "book").out
