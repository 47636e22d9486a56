"""Leaving: a group with everything in it as one file, for another Pottle, WordPress, or any program."""
