"""The moderators' desk: what they know, what they wrote down, and what becomes of their decisions."""
