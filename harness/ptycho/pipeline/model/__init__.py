"""Training and inference: the only folder that imports torch at module level."""
