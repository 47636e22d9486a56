"""Receives requests and answers them: one resource a file, each a Blueprint. No SQL here."""
