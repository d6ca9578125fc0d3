"""Golden names from node ids: readable, valid, and never the same for two tests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.storage.names import folded, require_golden_name
from harness.plugin.node_names import golden_name


@pytest.mark.parametrize(
    ("test", "name"),
    [
        ("tests/test_waves.py::test_power", "tests/test_waves/test_power"),
        ("tests/a/test_waves.py::TestFFT::test_power", "tests/a/test_waves/TestFFT/test_power"),
        ("test_waves.py::test_power[64-hann]", "test_waves/test_power-64-hann"),
        ("test_waves.py::test_power[x_y]", "test_waves/test_power-x_y"),
    ],
)
def test_a_plain_id_is_its_own_name(test, name):
    assert golden_name(test) == name


@pytest.mark.parametrize(
    ("test", "begins"),
    [
        ("test_waves.py::test_power[1.5]", "test_waves/test_power-1_5-"),
        ("test_waves.py::test_power[True]", "test_waves/test_power-True-"),
        ("test_waves.py::test_power[a/b]", "test_waves/test_power-a_b-"),
        ("tests/aux.py::test_power", "tests/aux-"),
        ("_private/test_it.py::test_power", "x_private-"),
        (f"test_it.py::test_power[{'long' * 100}]", "test_it/test_power-longlong"),
    ],
)
def test_any_other_id_gets_a_digest(test, begins):
    name = golden_name(test)
    assert name.startswith(begins)
    require_golden_name("check", name)


PART = st.text(st.characters(codec="utf-8", exclude_characters=":/["), min_size=1, max_size=8)
IDS = st.builds(
    lambda file, function, parameters: f"{file}.py::{function}" + (f"[{parameters}]" if parameters else ""),
    PART,
    PART,
    st.one_of(st.just(""), st.text(max_size=12), st.sampled_from(["A", "a", "1.5", "1_5", "True", "true"])),
)


@given(IDS)
def test_every_name_is_valid(test):
    require_golden_name("check", golden_name(test))


@given(
    st.sampled_from(["test_x", "test_y"]), st.lists(st.text(max_size=6), min_size=2, max_size=6, unique=True)
)
def test_no_two_parameters_have_one_name(function, parameters):
    """Nor names that differ only by case."""
    names = {folded(golden_name(f"test_it.py::{function}[{text}]")) for text in parameters}
    assert len(names) == len(parameters)
