"""What a project needs for golden files: planned as files to make or to extend, then made."""
