"""Two objects compared: alignment, metrics, picture."""
