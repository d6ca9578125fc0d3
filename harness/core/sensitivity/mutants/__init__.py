"""Random mutants of a project's own source, and which of them its golden tests catch."""
