"""Golden files that scientists can trust."""
