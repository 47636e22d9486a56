"""Comments that come from another system: read, planned, and put into a group's discussions in one transaction."""
