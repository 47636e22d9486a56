"""Search: posts found by their words. `words` makes texts fit for an index, `index` keeps it, `query` understands what
people type, `results` finds and shows.
"""
