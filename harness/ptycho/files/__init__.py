"""Files of the field: one format per module."""
