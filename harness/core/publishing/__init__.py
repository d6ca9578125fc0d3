"""Golden files for others: packed as an RO-Crate, and restored from one with their origin."""
