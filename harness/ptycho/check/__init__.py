"""Check whether the physics explains the data, and if not, which mistake was made."""
