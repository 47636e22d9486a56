"""The engine: a Quart extension that knows nothing of users, groups or posts."""

# Of the code. CHANGELOG.md and the image's label say it too, as a test sees to; the API has its own, in /openapi.json.
VERSION = "1.0.0"
