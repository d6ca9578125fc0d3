"""Verbs about the store in which a project keeps the bytes of its golden files."""
