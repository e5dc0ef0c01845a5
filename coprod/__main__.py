"""Run the commands as ``python -m coprod``."""

from coprod.cli import main

main()
