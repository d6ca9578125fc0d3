"""A small model that finds the edges of shapes in images."""
