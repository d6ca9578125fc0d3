"""registry.json and its history: read, verify, merge."""
