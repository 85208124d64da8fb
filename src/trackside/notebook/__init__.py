"""`trackside.show`: a run or a search in a notebook, kept fresh by Python. Needs the standard library alone.

`asked` says what is to be shown, `client` asks the server, `reading` makes a `state` of its answers,
`page` and `charts` make HTML of that, `view` shows it and keeps it fresh.
"""
