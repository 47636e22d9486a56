"""What Flask back ends had, for front ends that still call it."""
