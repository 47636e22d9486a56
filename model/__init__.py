"""What Pottle knows and the rules it obeys. Nothing here knows HTTP."""
