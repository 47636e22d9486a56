"""The engine: a Quart extension that knows nothing of users, groups or posts."""

VERSION = "1.0.0"  # of the code; the API has its own, in /openapi.json
