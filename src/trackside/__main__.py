"""`python -m trackside` is the `trackside` command."""

from trackside.cli.app import main

main()
