"""Engines that are Python packages: one adapter a file, each run in a child process."""
