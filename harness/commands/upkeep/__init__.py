"""Verbs that set up a project, show how its golden files are, remove them and rename them."""
