"""The properties: each a function from the facts of a history to its findings, with its definition as docstring."""
