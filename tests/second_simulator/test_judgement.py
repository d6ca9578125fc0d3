"""Faults are judged by the second simulator's own physics, and findings by what they name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.core.domain.interface import Finding
from second_simulator import Variant, make_scan
from second_simulator.faults import ScanFault
from second_simulator.judgement import LEAST_EVIDENCE, judge, named_by, residual_energy

SMALL = Variant(shape=(32, 32), photons=None)
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def sound():
    return make_scan(SMALL, 0)


@pytest.mark.parametrize(
    ("check", "found", "name"),
    [
        ("consistency", "a residual of 0.3 as stored, best explained by x and y swapped", "x and y swapped"),
        (
            "consistency",
            "a residual, explained in part (40% of the excess) by a drift; 1 px",
            "a drift; 1 px",
        ),
        ("consistency", "a residual of 0.3 as stored and 0.4 shuffled (contrast 1.3)", ""),
        ("contract", "dtype float64", "dtype float64"),
    ],
)
def test_only_the_name_of_a_finding_counts(check, found, name):
    assert named_by(Finding(check, "diffraction", "patterns that are explained", found)) == name


def test_exact_physics_explains_noise_free_patterns_to_rounding(sound):
    assert residual_energy(sound) < 1e-10
    assert residual_energy({**sound, "diffraction": 3 * sound["diffraction"]}) < 1e-10


def test_pixels_that_do_not_count_do_not_count(sound):
    hot = sound["diffraction"].copy()
    hot[:, 3, 4] = hot.max()
    mask = np.ones(hot.shape[1:], dtype=bool)
    mask[3, 4] = False
    assert residual_energy({**sound, "diffraction": hot}) > 1e-3
    assert residual_energy({**sound, "diffraction": hot, "mask": mask}) < 1e-10


def test_patterns_of_another_shape_or_without_a_number_are_not_explained(sound):
    assert residual_energy({**sound, "diffraction": sound["diffraction"][:, 1:]}) == 1
    assert residual_energy({**sound, "diffraction": sound["diffraction"] * np.float32(np.nan)}) == 1
    assert residual_energy({"diffraction": sound["diffraction"]}) == 1


def test_a_change_that_changes_nothing_leaves_no_evidence():
    harmless = ScanFault("nothing", "order", lambda arrays, _rng, _size: arrays, "nothing")
    found = judge(harmless, 1e5, 1, SMALL)
    assert abs(found.evidence) < LEAST_EVIDENCE
    assert (found.refused, found.named, found.mended) == (False, False, False)


def test_the_table_says_what_cannot_be_seen_and_adds_up(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import diagnosis

    harmless = ScanFault("nothing", "order", lambda arrays, _rng, _size: arrays, "nothing")
    found = judge(harmless, 1e5, 1, SMALL)
    head, _, row = diagnosis.table([found])
    assert head.count("|") == row.count("|")
    assert "| order | nothing | 1e+05 | " in row
    assert "(not visible) | 0/1 | 0/1 | 0/1 | nan | - |" in row
    assert diagnosis.summary([found])[1] == "- 0 of 0 visible faults refused"
