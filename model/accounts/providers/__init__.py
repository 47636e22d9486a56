"""Signing in by other services (OpenID Connect, and GitHub): who is set up, how they are asked, whose account it is."""
