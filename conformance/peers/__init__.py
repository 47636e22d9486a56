"""Systems to compare with that are small enough to live here."""
