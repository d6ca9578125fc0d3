"""Every fault of the pipelines changes something, is undone, and imports torch only when injected."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from inspect import isclass

import msgspec
import numpy as np
import pytest

from harness.core.domain.references import load_reference
from harness.core.errors import RefusedError
from harness.core.storage.digest import digest_array
from harness.core.storage.npz import read_archive
from harness.ptycho.pipeline import assess, run
from harness.ptycho.pipeline.child_process import CONTROLS_FILE, RECONSTRUCTION_FILE, Task
from harness.ptycho.pipeline.configuration import (
    IterativeConfiguration,
    NetworkConfiguration,
    QuasiNewtonConfiguration,
)
from harness.ptycho.pipeline.faults import PIPELINE_FAULTS, WITH_TRUTH
from harness.ptycho.pipeline.model import infer, iterative, quasi_newton, train

BRIEF = {
    "network": NetworkConfiguration(epochs=2, rounds=2, inference_rounds=2, seed=3),
    "iterative": IterativeConfiguration(epochs=4, seed=3),
    "quasi-newton": QuasiNewtonConfiguration(iterations=6, seed=3),
}
"""The seed is a multiple of 3 (for P14), and there are enough epochs to skip some (for P15b)."""

STAGES = {
    "network": ((train.main, ""), (infer.main, "")),
    "iterative": ((iterative.main, iterative.FIRST_HALF), (iterative.main, iterative.SECOND_HALF)),
    "quasi-newton": (
        (quasi_newton.main, quasi_newton.FIRST_PART),
        (quasi_newton.main, quasi_newton.SECOND_PART),
    ),
}
BY_ID = {fault.id: fault for fault in PIPELINE_FAULTS}
CHANGE_INPUTS = {"P10", "P19", "P20", "P21", "P22"}
"""Faults that change the arrays that are read, so that their digests differ."""

CASES = [
    (fault.id, pipeline)
    for fault in PIPELINE_FAULTS
    for pipeline in WITH_TRUTH
    if pipeline in fault.pipelines
]


@dataclass(frozen=True)
class Outcome:
    """What a run read, by digest; what it wrote, by digest; and its metrics, or the error."""

    inputs: tuple[dict[str, str], ...]
    written: dict[str, str]
    metrics: dict[str, float] | str


@pytest.fixture
def outcome(square, configured_folder):
    """Return a function that runs a pipeline's stages and computes its metrics, all in this process."""

    def run_here(pipeline, name="output", **changes):
        folder = configured_folder(msgspec.structs.replace(BRIEF[pipeline], **changes), name)
        inputs = tuple(dict(main(Task(square, folder, part))) for main, part in STAGES[pipeline])
        written = {**read_archive(folder / RECONSTRUCTION_FILE), **read_archive(folder / CONTROLS_FILE)}
        try:
            metrics = dict(assess.assess(square, folder).metrics)
        except RefusedError as error:
            metrics = str(error)
        return Outcome(inputs, {name: digest_array(array) for name, array in written.items()}, metrics)

    return run_here


@pytest.fixture(scope="module")
def cache():
    """Outcomes without a fault, one for each pipeline and seed."""
    return {}


def without_fault(cache, outcome, pipeline, **changes):
    key = (pipeline, *changes.items())
    if key not in cache:
        cache[key] = outcome(pipeline, "without_fault", **changes)
    return cache[key]


def attributes():
    """Return the value of each name in the pipelines' modules and in their classes."""
    modules = [m for name, m in sorted(sys.modules.items()) if name.startswith("harness.ptycho.pipeline")]
    classes = [c for m in modules for c in vars(m).values() if isclass(c) and c.__module__ == m.__name__]
    return {(owner, name): value for owner in (*modules, *classes) for name, value in vars(owner).items()}


def replaced_since(before):
    """Return the names whose value is no longer the same object."""
    after = attributes()
    return {key for key in before.keys() | after.keys() if before.get(key) is not after.get(key)}


@pytest.mark.parametrize(("number", "pipeline"), CASES)
def test_a_fault_changes_the_outcome(number, pipeline, cache, outcome):
    """Something that is written or measured differs; digests of inputs differ for faults of reading only."""
    before = without_fault(cache, outcome, pipeline)
    with BY_ID[number].inject.__wrapped__():
        after = outcome(pipeline)
    assert after != before
    assert (after.inputs != before.inputs) == (number in CHANGE_INPUTS)


@pytest.mark.parametrize("pipeline", WITH_TRUTH)
def test_without_a_fault_the_outcome_is_the_same(pipeline, cache, outcome):
    """Two runs without a fault are equal, so the test above can fail."""
    assert outcome(pipeline) == without_fault(cache, outcome, pipeline)


@pytest.mark.parametrize("fault", PIPELINE_FAULTS, ids=lambda fault: fault.id)
def test_a_fault_is_undone(fault):
    """All names have their old values again, also after a run that failed."""
    with fault.inject.__wrapped__():
        pass  # imports the modules that it changes
    before = attributes()
    injected = []

    def fail():
        injected.append(replaced_since(before))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), fault.inject.__wrapped__():
        fail()
    assert injected[0]
    assert not replaced_since(before)


def test_a_fault_reaches_the_child_processes(tmp_path, square):
    """Both processes of a faulty pipeline read float16, and report its digest."""
    faulty = BY_ID["P20"].inject(run.iterative)
    done = faulty(square, tmp_path, epochs=2)
    expected = digest_array(read_archive(square)["diffraction"].astype(np.float16))
    assert [read["diffraction"] for read in done.inputs.values()] == [expected] * 2


@pytest.mark.parametrize("fault", PIPELINE_FAULTS, ids=lambda fault: fault.id)
def test_a_fault_can_be_imported_by_name(fault):
    """Child processes import it by reference; its docstring begins with its number in the catalogue."""
    inject = fault.inject
    assert load_reference(f"{inject.__module__}:{inject.__qualname__}") is inject
    assert inject.__doc__.startswith(f"{fault.id.rstrip('b')}: ")
    assert fault.kind == "pipeline"


def test_the_table_is_complete_and_four_faults_are_quick():
    assert {fault.id.rstrip("b") for fault in PIPELINE_FAULTS} == {f"P{n:02}" for n in range(1, 24)}
    assert sum(fault.quick for fault in PIPELINE_FAULTS) == 4


def test_the_table_needs_no_torch():
    code = "import sys, harness.ptycho.pipeline.faults; print({'torch', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
