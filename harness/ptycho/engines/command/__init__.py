"""A program of any kind as an engine: its table in pyproject.toml, its processes, and what it leaves."""
