"""The values that a domain and the core exchange: read-only, with nothing declared by default."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from harness.core.domain.interface import (
    CheckReport,
    Domain,
    Fault,
    Finding,
    PipelineResult,
    Specimen,
    Stage,
)

VALUES = [
    Finding("contract", "probe", "complex64", "float32"),
    CheckReport("contract"),
    Stage("infer", 1.0, 10.0),
    PipelineResult("mean", {}, {}, (), {}),
    Fault("X1", "halved", "fixture", dict),
    Specimen("flat", dict),
    Domain("optics"),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_cannot_be_changed(value):
    for field in fields(value):
        with pytest.raises(FrozenInstanceError):
            setattr(value, field.name, None)


def test_a_domain_offers_nothing_by_default():
    assert Domain("empty") == Domain("empty", {}, {}, {}, {}, (), ())


def test_a_result_reports_the_inputs_of_the_stages_that_declare_them():
    """A stage without digests is left out: nothing can be compared."""
    stages = (Stage("train", 1.0, 10.0, {"image": "xxh128:1"}), Stage("infer", 1.0, 10.0))
    assert PipelineResult("mean", {}, {}, stages, {}).inputs == {"train": {"image": "xxh128:1"}}


def test_a_fault_applies_to_every_fixture_and_pipeline_unless_it_says_otherwise():
    fault = Fault("X1", "halved", "fixture", dict)
    assert fault.applies(None)
    assert (fault.pipelines, fault.quick, fault.harmless) == ((), False, False)


def test_equality_of_faults_ignores_their_functions():
    """Two imports of one module make two functions of one fault."""
    assert Fault("X1", "halved", "fixture", dict) == Fault("X1", "halved", "fixture", list)
    assert Fault("X1", "halved", "fixture", dict) != Fault("X2", "halved", "fixture", dict)
