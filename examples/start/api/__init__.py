"""HTTP: one resource a file, each a Blueprint."""
