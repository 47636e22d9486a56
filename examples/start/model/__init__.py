"""The tables and the rules: no HTTP here."""
