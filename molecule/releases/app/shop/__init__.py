"""A shop that says which version it is."""
