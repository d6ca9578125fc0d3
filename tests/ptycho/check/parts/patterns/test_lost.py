"""The shift of patterns against positions is followed along the scan."""

from __future__ import annotations

import numpy as np
import pytest

from harness.ptycho.check.parts.patterns.lost import Run, described, places_of, runs_of

SHIFTS = np.arange(-2, 3)


def errors_of(shifts, noise=0.1):
    """Return errors, (n, 5), that are 0 at the given shift and 1 elsewhere, with noise."""
    rng = np.random.default_rng(0)
    right = np.asarray(shifts)[:, None] == SHIFTS
    return np.where(right, 0.0, 1.0) + noise * rng.random(right.shape)


@pytest.mark.parametrize(
    "shifts", [[0] * 9, [0] * 4 + [1] * 5, [0, 0, -1, -1, -1, -1], [1] * 3 + [2] * 3 + [0] * 3, [-2] * 5]
)
def test_runs_give_back_the_shifts(shifts):
    runs = runs_of(errors_of(shifts), SHIFTS, change=0.5)
    assert (places_of(runs, len(shifts)) - np.arange(len(shifts))).tolist() == shifts


def test_a_change_must_save_what_it_costs():
    """One pattern that fits elsewhere by chance is no lost frame: going and coming back cost two changes."""
    shifts = [0] * 4 + [1] + [0] * 4
    assert runs_of(errors_of(shifts, 0), SHIFTS, change=0.51) == (Run(0, 0),)
    assert len(runs_of(errors_of(shifts, 0), SHIFTS, change=0.49)) == 3


@pytest.mark.parametrize(
    ("runs", "patterns", "positions", "text"),
    [
        (
            [Run(0, 0), Run(5, 1)],
            9,
            9,
            "a frame lost at 5 (from pattern 5 on, pattern j belongs to position j+1)",
        ),
        (
            [Run(0, 0), Run(5, -1)],
            9,
            9,
            "a frame doubled at 5 (from pattern 5 on, pattern j belongs to position j-1)",
        ),
        (
            [Run(0, 0), Run(5, 2)],
            9,
            9,
            "2 frames lost at 5 (from pattern 5 on, pattern j belongs to position j+2)",
        ),
        ([Run(0, 1)], 9, 9, "the first frame missing (pattern j belongs to position j+1)"),
        ([Run(0, 1)], 8, 9, "the first frame missing (pattern j belongs to position j+1)"),
        ([Run(0, 0)], 7, 9, "the last 2 frames missing"),
        ([Run(0, 0)], 10, 9, "a frame too many at the end"),
        ([Run(0, -1)], 9, 9, "a frame too many at the start (pattern j belongs to position j-1)"),
        (
            [Run(0, 0), Run(3, 1), Run(6, 0)],
            9,
            9,
            (
                "a frame lost at 3 (from pattern 3 on, pattern j belongs to position j+1); "
                "a frame doubled at 6 (from pattern 6 on, patterns are in place again)"
            ),
        ),
    ],
)
def test_what_happened_is_said_with_its_place(runs, patterns, positions, text):
    assert described(tuple(runs), patterns, positions) == text
