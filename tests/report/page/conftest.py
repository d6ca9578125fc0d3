"""Shared by the page's tests: they need the packages that draw and render it."""

from __future__ import annotations

import pytest


@pytest.fixture
def overview(drifted):
    """What is known about a project whose golden files drifted in the last session."""
    from harness.core.overview.collect import collect_overview

    return collect_overview(drifted)


@pytest.fixture
def drawing():
    """Skip where figures cannot be drawn."""
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra `report` brings it")


@pytest.fixture
def sketched(monkeypatch):
    """Views without pictures of their own: drawing takes long, and has tests of its own."""
    from harness.report.drawing.figure import Figure
    from harness.report.page import array_views
    from harness.report.page.array_views import ArrayView, Slice

    def views(golden, obtained, name, tolerance):
        golden = None if golden is None else Figure(name, b"1234", ".png", f"{name} {golden.shape}", 320, 240)
        found = None if obtained is None else Figure(name, b"5678", ".png", f"new {name}", 320, 240)
        return ArrayView(name, "a sketch", (Slice("[0]", golden, found, found), Slice("[1]", golden, found)))

    monkeypatch.setattr(array_views, "views", views)
