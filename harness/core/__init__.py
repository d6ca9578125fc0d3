"""The core, for any field: fixtures, baselines, the registry. It imports neither torch nor pytest."""
