"""Pottle beside its peers, on the same machine, in the same run, on the same data: `scripts/bench`."""
