"""The pipelines: the one folder that imports torch, and only in processes of its own."""
