"""Run the commands as ``python -m coprod``."""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):  # noqa: UP036  # an older one cannot even read the package
    print("Error: Python 3.11 or newer is needed: run 'make render'", file=sys.stderr)
    sys.exit(2)
try:
    from coprod.cli import main
except ModuleNotFoundError as error:
    # The system's Python, most often, in place of that of the project.
    said = f"Error: {sys.executable} has no package '{error.name}'"
    print(f"{said}: run 'make render', then .venv/bin/python", file=sys.stderr)
    sys.exit(2)

main()
