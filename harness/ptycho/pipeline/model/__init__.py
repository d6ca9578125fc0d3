"""Training and inference in child processes: the only folder that imports torch at module level."""
