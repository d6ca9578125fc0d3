"""Golden files outside the repository: a store of objects by SHA-256, and the cache that they arrive in."""
