"""Read and write the field's file formats, one format per module."""
