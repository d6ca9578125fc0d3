"""Every fault of pipelines does something, is undone, and waits for torch until it is made."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from inspect import isclass

import msgspec
import numpy as np
import pytest
import torch
from harness.ptycho.pipeline.faults.assembly import merged
from harness.ptycho.pipeline.faults.reading import _moved_back, _nominal

from harness.core.domain.references import load_reference
from harness.core.errors import RefusedError
from harness.core.storage.digest import digest_array
from harness.core.storage.npz import read_archive, write_archive
from harness.ptycho.fixture import minimal
from harness.ptycho.pipeline import assess, run
from harness.ptycho.pipeline.child_process import CONTROLS, RECONSTRUCTION, Task
from harness.ptycho.pipeline.configuration import IterativeConfiguration, NetworkConfiguration
from harness.ptycho.pipeline.faults import PIPELINE_FAULTS, WITH_TRUTH
from harness.ptycho.pipeline.model import infer, iterative, train
from harness.ptycho.pipeline.model.experiment import read_experiment
from harness.ptycho.pipeline.model.forward import patches

BRIEF = {
    "network": NetworkConfiguration(epochs=2, rounds=2, inference_rounds=2, channels=4, seed=3),
    "iterative": IterativeConfiguration(epochs=4, seed=3),
}
"""A seed that 3 divides, and epochs of which some can be skipped."""

STAGES = {
    "network": ((train.main, ""), (infer.main, "")),
    "iterative": ((iterative.main, iterative.FIRST), (iterative.main, iterative.SECOND)),
}
BY_ID = {fault.id: fault for fault in PIPELINE_FAULTS}
MISREAD = {"P10", "P19", "P20", "P21", "P22"}
"""The faults of readers."""

CASES = [
    (fault.id, pipeline)
    for fault in PIPELINE_FAULTS
    for pipeline in WITH_TRUTH
    if pipeline in fault.pipelines
]


@dataclass(frozen=True)
class Outcome:
    """All that tells one run from another: what was read, what was written, what was measured or refused."""

    inputs: tuple[dict[str, str], ...]
    written: dict[str, str]
    measured: dict[str, float] | str


@pytest.fixture(scope="module")
def square(tmp_path_factory):
    """As many positions as a pattern has rows: the case in which a wrong order of axes is not refused."""
    path = tmp_path_factory.mktemp("square") / "square.npz"
    write_archive(path, minimal(positions=32, detector=32, name="square").arrays)
    return path


@pytest.fixture
def outcome(square, configured_folder):
    """Run a pipeline's stages and its assessment in this process."""

    def run_here(pipeline, name="output", **changes):
        folder = configured_folder(msgspec.structs.replace(BRIEF[pipeline], **changes), name)
        inputs = tuple(dict(main(Task(square, folder, goal))) for main, goal in STAGES[pipeline])
        written = {**read_archive(folder / RECONSTRUCTION), **read_archive(folder / CONTROLS)}
        try:
            measured = dict(assess.assess(square, folder).metrics)
        except RefusedError as refusal:
            measured = str(refusal)
        return Outcome(inputs, {name: digest_array(array) for name, array in written.items()}, measured)

    return run_here


@pytest.fixture(scope="module")
def clean():
    """Outcomes without a fault, once per pipeline and seed."""
    return {}


def sound(clean, outcome, pipeline, **changes):
    key = (pipeline, *changes.items())
    if key not in clean:
        clean[key] = outcome(pipeline, "clean", **changes)
    return clean[key]


def bound():
    """Every name that the pipelines' modules, and the classes in them, have, with what it stands for."""
    modules = [m for name, m in sorted(sys.modules.items()) if name.startswith("harness.ptycho.pipeline")]
    classes = [c for m in modules for c in vars(m).values() if isclass(c) and c.__module__ == m.__name__]
    return {(place, name): value for place in (*modules, *classes) for name, value in vars(place).items()}


def rebound(before):
    """Names that stand for something else than before."""
    after = bound()
    return {key for key in before.keys() | after.keys() if before.get(key) is not after.get(key)}


@pytest.mark.parametrize(("number", "pipeline"), CASES)
def test_a_fault_changes_what_comes_out(number, pipeline, clean, outcome):
    """Something that is read, written or measured differs; what is read, by faults of readers alone."""
    before = sound(clean, outcome, pipeline)
    with BY_ID[number].inject.__wrapped__():
        after = outcome(pipeline)
    assert after != before
    assert (after.inputs != before.inputs) == (number in MISREAD)


@pytest.mark.parametrize("pipeline", WITH_TRUTH)
def test_without_a_fault_the_same_comes_out(pipeline, clean, outcome):
    """The test above can fail: two clean runs differ in nothing."""
    assert outcome(pipeline) == sound(clean, outcome, pipeline)


@pytest.mark.parametrize("fault", PIPELINE_FAULTS, ids=lambda fault: fault.id)
def test_a_fault_is_undone(fault):
    """Names stand for the same objects as before, after a run that failed, too."""
    with fault.inject.__wrapped__():
        pass  # imports what it changes
    before = bound()
    made = []

    def fail():
        made.append(rebound(before))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), fault.inject.__wrapped__():
        fail()
    assert made[0]
    assert not rebound(before)


def test_only_one_seed_in_three_collapses(clean, outcome):
    """P14 is silent for the others: that is how it shipped."""
    with BY_ID["P14"].inject.__wrapped__():
        after = outcome("iterative", seed=1)
    assert after == sound(clean, outcome, "iterative", seed=1)


def test_training_mode_changes_inference_alone(clean, outcome):
    """P18's layers do nothing where statistics are frozen: neither training nor a control is touched."""
    with BY_ID["P18"].inject.__wrapped__():
        after = outcome("network")
    before = sound(clean, outcome, "network")
    changed = {name for name in before.written if after.written[name] != before.written[name]}
    assert changed == {"object", "after"}


def test_a_fault_goes_through_the_children_too(tmp_path, square):
    """The front door of a faulty pipeline: both processes read half precision, and say so."""
    faulty = BY_ID["P20"].inject(run.iterative)
    done = faulty(square, tmp_path, epochs=2)
    expected = digest_array(read_archive(square)["diffraction"].astype(np.float16))
    assert [read["diffraction"] for read in done.inputs.values()] == [expected] * 2


@pytest.mark.parametrize("fault", PIPELINE_FAULTS, ids=lambda fault: fault.id)
def test_a_fault_is_found_by_name_and_tells_its_story(fault):
    """Children import it by reference; its docstring begins with its number in the catalogue."""
    inject = fault.inject
    assert load_reference(f"{inject.__module__}:{inject.__qualname__}") is inject
    assert inject.__doc__.startswith(f"{fault.id.rstrip('b')}: ")
    assert fault.kind == "pipeline"


def test_the_table_is_complete_and_a_few_are_quick():
    assert {fault.id.rstrip("b") for fault in PIPELINE_FAULTS} == {f"P{n:02}" for n in range(1, 23)}
    assert sum(fault.quick for fault in PIPELINE_FAULTS) == 4


def test_the_table_needs_no_torch():
    code = "import sys, harness.ptycho.pipeline.faults; print({'torch', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_patches_put_where_they_were_read_give_the_canvas_back(square):
    """What faults of reassembly do is their own: the way there and back loses nothing that was lit."""
    e = read_experiment(square)
    canvas = e.flat() + 0.1j * torch.arange(e.windows.shape[1]) / e.windows.shape[1]
    back = merged(e, patches(canvas, e.windows), e.x, e.y, e.probe.abs() ** 2)
    lit = back != 1
    assert lit.float().mean() > 0.2
    assert (back - canvas)[lit].abs().max() < 0.02


def test_nominal_positions_are_an_even_raster(square):
    """Sixteen jittered positions: four lines a side at the raster's step; stored nominal ones go first."""
    arrays = dict(minimal(positions=16, step=12.0, jitter=0.2, name="raster").arrays)
    for axis in "xy":
        nominal = _nominal(arrays, axis)
        lines = np.unique(nominal)
        assert len(lines) == 4
        assert np.diff(lines) == pytest.approx(12.0, abs=1.5)
        assert np.abs(nominal - arrays[f"{axis}coords"]).max() < 12.0 * 0.5
        stored = arrays[f"{axis}coords"] + 1
        assert _nominal({**arrays, f"{axis}coords_start": stored}, axis) is stored


def test_the_first_of_two_files_is_moved_onto_the_last():
    """Each keeps its own form; what would leave the scan stays at its edge."""
    assert _moved_back(np.array([0.0, 1.0, 2.0, 10.0, 11.0, 12.0])).tolist() == [10, 11, 12, 10, 11, 12]
    assert _moved_back(np.array([0.0, 4.0, 10.0, 11.0])).tolist() == [8.5, 11, 10, 11]
