"""Verdicts -> what a person reads."""
