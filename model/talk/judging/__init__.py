"""Judging: what is asked of a post before it is public, by the rules of its group: scores with reasons, and blocks."""
