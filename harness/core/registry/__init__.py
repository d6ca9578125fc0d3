"""registry.json: read, verify, merge."""
