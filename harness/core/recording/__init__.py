"""The only way golden files change: stage, plan, commit."""
