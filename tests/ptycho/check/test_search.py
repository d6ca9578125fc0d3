"""The search finds one thing that is wrong, and the next on top of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.ptycho.check.search import MOST_PARTS, PARTS, account_for


def names(account):
    return [trial.correction.part for trial in account.findings]


def test_sound_data_have_no_findings(small_data):
    assert account_for(small_data).findings == ()


def test_the_parts_are_those_of_the_model():
    assert [part.name for part in PARTS] == [
        "value", "detector", "order", "position", "pattern", "pixel", "probe", "object",
    ]  # fmt: skip


def test_one_mistake_is_one_finding(small_data):
    account = account_for(replace(small_data, x=small_data.y, y=small_data.x))
    assert names(account) == ["position"]
    assert account.best["position"].share == pytest.approx(1, abs=0.01)
    assert not account.corrected.has_excess


def test_two_mistakes_are_two_findings_the_larger_first(small_data):
    """Each is tried on top of those before, and together they leave nothing."""
    dark = small_data.diffraction.copy()
    dark[5] = 0
    account = account_for(replace(small_data.moved(0.8, 0), diffraction=dark))
    assert sorted(names(account)) == ["pattern", "position"]
    assert not account.corrected.has_excess


def test_two_mistakes_that_only_together_explain_the_data_are_found(small_data):
    """Neither alone leaves data whose positions are right."""
    account = account_for(
        replace(small_data, diffraction=small_data.diffraction**2, x=small_data.y, y=small_data.x)
    )
    assert sorted(names(account)) == ["position", "value"]
    assert not account.corrected.has_excess


def test_no_more_than_three_are_sought(small_data):
    broken = np.random.default_rng(0).permutation(small_data.diffraction.ravel())
    account = account_for(replace(small_data, diffraction=broken.reshape(small_data.diffraction.shape)))
    assert len(account.findings) <= MOST_PARTS


def test_data_whose_shapes_do_not_match_are_corrected_blindly(small_data):
    account = account_for(replace(small_data, diffraction=np.moveaxis(small_data.diffraction, 0, -1)))
    assert account.evidence is None
    assert names(account) == ["detector"]


def test_data_that_nothing_makes_computable_have_no_account(small_data):
    account = account_for(replace(small_data, diffraction=small_data.diffraction[:, :5]))
    assert (account.evidence, account.findings, account.corrected) == (None, (), None)
