"""The machine: git, the environment's fingerprint, CI, worker processes."""
