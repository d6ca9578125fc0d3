"""The machine: git, the environment, CI, worker processes."""
