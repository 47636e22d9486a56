"""For whoever operates Pottle."""
