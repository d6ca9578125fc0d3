"""Panels are plain values: arrays and text, and nothing that draws."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from harness.core.domain.panels import Image, Lines, Points, Table

PANELS = (
    Image("a", np.zeros((2, 2))),
    Lines("a", {}),
    Points("a", np.zeros(1), np.zeros(1)),
    Table("a", ("b",)),
)


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_cannot_be_changed(panel):
    with pytest.raises(dataclasses.FrozenInstanceError):
        panel.title = "b"


@pytest.mark.parametrize("panel", PANELS)
def test_all_but_the_data_has_a_default(panel):
    assert panel.note == ""


def test_panels_need_neither_numpy_nor_matplotlib():
    code = (
        "import sys, harness.core.domain.panels\nassert not {'matplotlib', 'numpy', 'PIL'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
