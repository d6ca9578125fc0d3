"""Mutants as text: a table and the survivors' diffs for a terminal, a section for a Markdown page."""
