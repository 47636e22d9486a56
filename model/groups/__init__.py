"""Groups: whose discussions these are, and who may do what."""
