"""A history checker for live updates: drives a system, writes down what clients were told, decides from that alone."""
