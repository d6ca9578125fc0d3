"""Compare two objects: alignment, metrics, picture."""
