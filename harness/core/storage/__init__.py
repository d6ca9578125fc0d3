"""Bytes: where they lie in a project, and how they are written, read and hashed."""
