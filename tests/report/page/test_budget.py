"""Figures are drawn until the page is full."""

from __future__ import annotations

from harness.report.drawing.figure import Figure
from harness.report.page.array_views import ArrayView, Slice
from harness.report.page.budget import Budget, figure_size, view_size


def test_what_does_not_fit_is_not_taken_and_smaller_things_still_fit():
    budget = Budget(size=100, groups=9)
    assert [budget.take(size) for size in (60, 60, 40, 1)] == [True, False, True, False]
    assert not budget.begin_group()


def test_groups_are_counted():
    budget = Budget(size=100, groups=2)
    assert [budget.begin_group() for _ in range(3)] == [True, True, False]


def test_a_figure_is_as_large_as_its_address_and_more():
    figure = Figure("a", b"12345", ".png", "a picture", 320, 240)
    assert figure_size(figure) > len(figure.data_uri)
    view = ArrayView("a", "", (Slice("[0]", figure, figure),), (figure,))
    assert view_size(view) == 3 * figure_size(figure)
