"""What Pottle knows and the rules it obeys. Nothing here knows HTTP."""

VERSION = "1.0.0"  # of the code; the API has its own, in /openapi.json
