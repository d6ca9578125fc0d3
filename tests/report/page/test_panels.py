"""Panels of installed domains, drawn for a group of golden files."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.domain.panels import Image, Table
from harness.report.page.budget import Budget
from harness.report.page.panels import panel_figures

pytestmark = pytest.mark.usefixtures("drawing")


def shown(overview, name, *panels, size=10**6):
    left_out = []
    state = next(state for state in overview.groups if state.group.name == name)
    return list(panel_figures(state, overview, panels, Budget(size, 1), left_out)), left_out


def test_a_panel_gets_arrays_document_and_neighbours(overview):
    asked = []

    def panel(arrays, document, beside):
        asked.append((sorted(arrays), document["generator"]["call"], sorted(beside)))
        return [Table("sizes", ("array",), (("image",),))]

    figures, left_out = shown(overview, "optics/waves", panel)
    assert asked == [
        (["count", "curve", "field", "image", "labels", "stack"], "waves:waves", ["optics/waves.smooth"])
    ]
    assert [figure.title for figure in figures] == ["sizes"]
    assert left_out == []


def test_an_image_is_drawn_and_one_that_does_not_fit_is_named(overview):
    def panel(*_):
        return [Image("probe", np.ones((4, 4)))]

    assert [figure.title for figure in shown(overview, "optics/waves", panel)[0]] == ["probe"]
    figures, left_out = shown(overview, "optics/waves", panel, size=10)
    assert (figures, left_out) == ([], ["probe: the page would become too large"])


def test_a_panel_that_fails_is_named_and_the_next_one_is_shown(overview):
    def broken(*_):
        raise ZeroDivisionError("no pattern")

    figures, left_out = shown(overview, "optics/waves", broken, lambda *_: [Table("sizes", ())])
    assert [figure.title for figure in figures] == ["sizes"]
    (note,) = left_out
    assert note.startswith("the figures of ")
    assert note.endswith("broken: ZeroDivisionError: no pattern")


@pytest.mark.parametrize(
    "wrong", [Image("probe", np.ones(3)), Image("probe", np.array([["a"]])), "probe", None]
)
def test_a_panel_that_cannot_be_drawn_is_named_and_the_next_one_is_shown(overview, wrong):
    """Values of a wrong shape or dtype, or something else than a panel."""
    figures, left_out = shown(overview, "optics/waves", lambda *_: [wrong, Table("sizes", ())])
    assert [figure.title for figure in figures] == ["sizes"]
    (note,) = left_out
    assert "Error: " in note


@pytest.mark.parametrize("wrong", [None, 5])
def test_a_function_that_returns_no_panels_is_named(overview, wrong):
    figures, left_out = shown(overview, "optics/waves", lambda *_: wrong)
    assert figures == []
    assert "TypeError" in left_out[0]


def test_a_group_without_arrays_has_no_panels(overview):
    assert shown(overview, "optics/waves.smooth", lambda *_: [Table("sizes", ())]) == ([], [])
