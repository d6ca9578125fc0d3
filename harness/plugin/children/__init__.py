"""Plugins of the pytest processes that harness starts itself: what they do in place of comparing."""
