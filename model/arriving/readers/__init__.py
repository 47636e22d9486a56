"""A module for each system that comments come from.

Each has `NAME` (what `--from` takes), `SAYS` (what a page calls it), `looks_like(head, name)`, which knows its files by
their beginning (with `MANY`, also a folder or zip file of them), and `read(file, report)`, which yields people, threads
and comments in any order.
"""
