"""Metrics with tolerances, and how those tolerances are measured."""
