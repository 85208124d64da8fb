"""`python -m trackside` is the `trackside` command."""

from trackside.cli import main

main()
