"""The `trackside` command: one module per command group, each parses, calls one function, prints.

Modules here import only Typer and the standard library at the top; what a command needs
is imported inside its function, so that `trackside --help` stays quick and the base
install can show it.
"""
