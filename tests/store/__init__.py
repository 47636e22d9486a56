"""How everything is kept: one SQLite file, one writer per worker, one change log."""
