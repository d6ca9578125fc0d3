"""Bytes: where a project keeps them, and how they are written, read and hashed."""
