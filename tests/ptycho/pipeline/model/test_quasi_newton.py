"""L-BFGS on object and probe: it resumes to the same bits, updates both, and stops when it has settled."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from second_simulator.sound import Variant, make_scan

from harness.core.errors import RefusedError, UnreadableError
from harness.core.storage.npz import read_archive, write_archive
from harness.ptycho.fixture import minimal
from harness.ptycho.pipeline.assess import assess, reconstruction_metrics
from harness.ptycho.pipeline.child_process import CHECKPOINT_FILE, RECONSTRUCTION_FILE, Task
from harness.ptycho.pipeline.configuration import QuasiNewtonConfiguration
from harness.ptycho.pipeline.model import checkpoint, quasi_newton
from harness.ptycho.pipeline.model.determinism import make_deterministic
from harness.ptycho.pipeline.model.experiment import read_experiment
from harness.ptycho.pipeline.model.quasi_newton import Fit, Point, minimise

DEFAULT = QuasiNewtonConfiguration()


@pytest.fixture
def experiment(small):
    make_deterministic(seed=0, threads=1)
    return read_experiment(small)


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    """Path of a fixture of 64 positions, whose patterns determine more than its object."""
    path = tmp_path_factory.mktemp("dense") / "dense.npz"
    write_archive(path, minimal(name="dense").arrays)
    return path


def both_parts(fixture, folder):
    for part in (quasi_newton.FIRST_PART, quasi_newton.SECOND_PART):
        quasi_newton.main(Task(fixture, folder, part))
    return folder


def settled(experiment, configuration=DEFAULT):
    """Return a fit that ran until it stopped."""
    fit = Fit.start(experiment, configuration)
    minimise(fit, experiment, configuration, until=configuration.iterations)
    return fit


def test_resumed_equals_uninterrupted(small, experiment, few_steps, configured_folder):
    """Saved half way and resumed, the result equals that of an uninterrupted run to the last bit."""
    whole = settled(experiment, few_steps)
    resumed = read_archive(both_parts(small, configured_folder(few_steps)) / RECONSTRUCTION_FILE)
    obj, probe = whole.parts(whole.moves)
    assert whole.steps == few_steps.iterations
    np.testing.assert_array_equal(resumed["object"], experiment.stored_object(obj))
    np.testing.assert_array_equal(resumed["probe"], experiment.stored_probe(probe))


def test_former_steps_are_part_of_the_state(experiment, few_steps):
    """Resumed without them, the result differs: the test above detects a missing state."""
    whole, incomplete = (Fit.start(experiment, few_steps) for _ in range(2))
    minimise(whole, experiment, few_steps, until=4)
    incomplete.restore({**whole.state(), "pairs": []})
    for fit in (whole, incomplete):
        minimise(fit, experiment, few_steps, until=5)
    assert not torch.equal(whole.moves, incomplete.moves)


def test_object_and_probe_are_learned_from_sixteen_positions(small, configured_folder):
    """Both change, and the object is better than a flat one by far."""
    found = assess(small, both_parts(small, configured_folder(DEFAULT)))
    assert found.metrics["object_change"] > 0.1
    assert found.metrics["probe_error"] < found.controls["flat"]["probe_error"] / 2
    assert found.metrics["aligned_amplitude_mae"] < found.controls["flat"]["aligned_amplitude_mae"] / 2


@pytest.mark.parametrize("dead", ["object", "probe"])
def test_a_part_that_is_not_updated_is_refused(small, configured_folder, few_steps, monkeypatch, dead):
    """Faults P04 and P17: the error says whether the object or the probe was not updated."""
    scales = quasi_newton.scales

    def without_one(*arguments):
        both = dict(zip(("object", "probe"), scales(*arguments), strict=True))
        return tuple({**both, dead: torch.zeros_like(both[dead])}.values())

    monkeypatch.setattr(quasi_newton, "scales", without_one)
    with pytest.raises(RefusedError, match=f"did not update the {dead}"):
        assess(small, both_parts(small, configured_folder(few_steps)))


@pytest.mark.parametrize(
    "change",
    [
        {"moves": torch.zeros(3)},
        {"moves": None},
        {"pairs": [(torch.zeros(3), torch.zeros(3))]},
        {"pairs": [1]},
        {"misfits": ["text"]},
        {"noise": "text"},
    ],
)
def test_a_state_of_another_form_is_refused(experiment, few_steps, configured_folder, small, change):
    folder = configured_folder(few_steps)
    state = {**Fit.start(experiment, few_steps).state(), **change}
    checkpoint.write_checkpoint(folder / CHECKPOINT_FILE, quasi_newton.KIND, state)
    with pytest.raises(UnreadableError):
        quasi_newton.main(Task(small, folder, quasi_newton.SECOND_PART))


def test_a_misfit_that_is_not_finite_is_refused(experiment, few_steps):
    broken = replace(experiment, amplitude=experiment.amplitude * math.inf)
    with pytest.raises(RefusedError, match="training diverged"):
        minimise(Fit.start(broken, few_steps), broken, few_steps, until=2)


def test_no_step_increases_the_misfit(experiment, few_steps):
    misfits = settled(experiment, few_steps).misfits
    assert all(after < before for before, after in pairwise(misfits))


def test_a_fit_stops_when_steps_gain_little(dense):
    """Long before its limit, with a misfit that photon noise explains."""
    fit = settled(read_experiment(dense))
    assert fit.steps < DEFAULT.iterations
    assert fit.misfits[-1] < fit.noise < math.inf


def test_a_wrong_model_stops_the_fit_earlier(dense, tmp_path):
    """Positions that are off by 0.7 px leave a misfit above the noise, and later steps are left out."""
    data, rng = read_archive(dense), np.random.default_rng(0)
    moved = {key: data[key] + rng.normal(0, 0.7, len(data[key])) for key in ("xcoords", "ycoords")}
    write_archive(tmp_path / "moved.npz", {**data, **moved})
    fit = settled(read_experiment(tmp_path / "moved.npz"))
    assert fit.misfits[-1] > 1.5 * fit.noise
    gains = [(before - after) / after for before, after in pairwise(fit.misfits)]
    assert np.mean(gains[-3:]) > quasi_newton.SMALLEST_GAIN
    assert fit.steps < settled(read_experiment(dense)).steps


def test_an_unknown_dose_does_not_stop_the_fit(tmp_path):
    """Patterns without noise show no quantum; only the gain counts, and the misfit falls far."""
    write_archive(tmp_path / "clean.npz", minimal(positions=16, photons=None, name="clean").arrays)
    fit = settled(read_experiment(tmp_path / "clean.npz"))
    assert fit.noise in {None, math.inf}
    assert fit.misfits[-1] < 1e-3 * fit.misfits[0]


def test_the_probe_does_not_move_in_the_first_steps(experiment):
    """It moves from then on, also after a checkpoint in between."""
    fit = Fit.start(experiment, DEFAULT)
    assert fit.hold == quasi_newton.STEPS_WITHOUT_PROBE
    minimise(fit, experiment, DEFAULT, until=fit.hold)
    assert torch.equal(fit.parts(fit.moves)[1], fit.probe)
    resumed = Fit.start(experiment, DEFAULT)
    resumed.restore(fit.state())
    minimise(resumed, experiment, DEFAULT, until=fit.hold + 1)
    assert not torch.equal(resumed.parts(resumed.moves)[1], fit.probe)


@pytest.mark.parametrize(("hold", "good"), [(0, False), (quasi_newton.STEPS_WITHOUT_PROBE, True)])
def test_a_strong_phase_is_found_because_the_probe_waits(tmp_path, hold, good):
    """A probe that moves at once takes over the phase, which wraps several times."""
    variant = Variant(obj="strong_phase", route="jittered", photons=1e5, overlap=0.75)
    data = make_scan(variant, 2)
    write_archive(tmp_path / "strong.npz", data)
    experiment = read_experiment(tmp_path / "strong.npz")
    fit = Fit.start(experiment, DEFAULT)
    fit.hold = hold
    minimise(fit, experiment, DEFAULT, until=DEFAULT.iterations)
    obj, probe = fit.parts(fit.moves)
    found = reconstruction_metrics(data, experiment.stored_object(obj), experiment.stored_probe(probe))
    assert (found["aligned_amplitude_ssim"] > 0.9) == good


def test_masked_pixels_do_not_matter(small, few_steps, configured_folder, tmp_path):
    """Whatever they hold, the result is the same to the last bit; without the mask it is another one."""
    data = read_archive(small)
    counts = np.ones(data["probeGuess"].shape, dtype=bool)
    counts[20:22] = counts[:, 40] = False
    hot = np.where(counts, data["diffraction"], np.float32(9))
    found = []
    for number, arrays in enumerate(({"mask": counts}, {"mask": counts, "diffraction": hot}, {})):
        path = tmp_path / f"{number}.npz"
        write_archive(path, {**data, **arrays})
        folder = both_parts(path, configured_folder(few_steps, f"output{number}"))
        found.append(read_archive(folder / RECONSTRUCTION_FILE)["object"])
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


def test_the_direction_is_that_of_bfgs():
    """The two-loop recursion gives the same as updating the inverse Hessian by its formula."""
    rng = np.random.default_rng(0)
    hessian = (root := rng.standard_normal((6, 6))) @ root.T + np.eye(6)
    steps = rng.standard_normal((3, 6))
    gradient, changes = rng.standard_normal(6), steps @ hessian
    inverse = np.eye(6) * (steps[-1] @ changes[-1]) / (changes[-1] @ changes[-1])
    for step, change in zip(steps, changes, strict=True):
        project = np.eye(6) - np.outer(step, change) / (step @ change)
        inverse = project @ inverse @ project.T + np.outer(step, step) / (step @ change)
    pairs = [(torch.tensor(s), torch.tensor(c)) for s, c in zip(steps, changes, strict=True)]
    found = quasi_newton._direction(torch.tensor(gradient), pairs)
    np.testing.assert_allclose(found.numpy(), -inverse @ gradient, rtol=1e-10)


def test_a_direction_that_climbs_gives_no_step(experiment, few_steps):
    fit = Fit.start(experiment, few_steps)
    point = quasi_newton._evaluate(fit, experiment, fit.moves)
    assert quasi_newton._search(fit, experiment, point, point.gradient) is None


def test_a_pair_without_curvature_is_not_remembered():
    before = Point(torch.zeros(2), 1.0, torch.tensor([1.0, 0.0]))
    after = Point(torch.tensor([-1.0, 0.0]), 0.5, torch.tensor([2.0, 0.0]))
    assert quasi_newton._remembered([], before, after) == []
    assert len(quasi_newton._remembered([], before, after._replace(gradient=torch.tensor([0.5, 0.0])))) == 1


def test_bright_pixels_are_scaled_down(experiment):
    """A move of 1 changes an object's pixel by one over the root of its light, softened where it is dark."""
    obj, probe = quasi_newton.scales(experiment, experiment.probe)
    light = quasi_newton.illumination(experiment.probe, experiment.windows)
    assert obj.argmin() == light.argmax()
    assert obj.min().item() == pytest.approx((1.05 * light.max().item()) ** -0.5, rel=1e-5)
    assert probe.item() == pytest.approx(experiment.positions**-0.5)
