"""Golden values from inside the pipelines: each step of short trainings, and of what continues them.

Metrics of a finished reconstruction hide how it came about: one that starts again from the beginning, or
whose gradients are clipped elsewhere, may end at the same values. So these tests record losses, gradients,
learning rates and progress of each step, the checkpoint between the two processes, and what is written.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the pipelines need torch")

import torch

from harness.core.containers.flatten import flatten
from harness.core.storage.npz import read_archive, write_archive
from harness.ptycho.pipeline import assess, run
from harness.ptycho.pipeline.child_process import CHECKPOINT_FILE, CONTROLS_FILE, RECONSTRUCTION_FILE, Task
from harness.ptycho.pipeline.configuration import (
    IterativeConfiguration,
    NetworkConfiguration,
    QuasiNewtonConfiguration,
    write_configuration,
)
from harness.ptycho.pipeline.model import (
    batches,
    experiment,
    forward,
    infer,
    iterative,
    network,
    quasi_newton,
    train,
)
from harness.ptycho.pipeline.model.checkpoint import read_checkpoint
from harness.ptycho.pipeline.model.optimisers import Adam
from harness.ptycho.pipeline.model.schedule import cosine_decay
from harness.ptycho.scan.forward import far_field
from harness.ptycho.scan.simulate import simulate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPTIONS = {
    "network": NetworkConfiguration(seed=2, epochs=2, rounds=2, inference_rounds=3, steps=3, batch=5),
    "iterative": IterativeConfiguration(seed=2, epochs=8, batch=5),
    "quasi-newton": QuasiNewtonConfiguration(iterations=10, memory=3),
}


ROUNDING = 2e-5
"""Tolerance, as a share of an array's largest magnitude; CPU kernels differ by up to 2e-6 of it."""

GENTLE_EPSILON = 1e-5
"""Of Adam: about the gradient of a pixel."""


@pytest.fixture(scope="module")
def fixture(tmp_path_factory) -> Path:
    """A scan of 4 x 5 positions with a mask, whose object has sides of different lengths."""
    scan = simulate(positions=20, detector=32, step=7.0, photons=1e5, seed=5)
    # Where a flat object scatters no light, the phase of what is predicted is a rounding error.
    light = np.abs(far_field(scan.probe))
    mask = light > 0.1 * light.max()
    mask[13:15, 16:19] = False
    path = tmp_path_factory.mktemp("scan") / "scan.npz"
    write_archive(path, {
        "diffraction": (scan.diffraction * mask).astype(np.float32),
        "objectGuess": scan.object.astype(np.complex64),
        "probeGuess": scan.probe.astype(np.complex64),
        "xcoords": scan.x, "ycoords": scan.y, "mask": mask,
    })  # fmt: skip
    return path


@pytest.fixture(autouse=True)
def _torch_as_it_was() -> Iterator[None]:
    """Undo what stages set for their whole process."""
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)


@pytest.fixture
def seen(monkeypatch) -> dict[str, list[Any]]:
    """What happens at each step, in order: losses, gradients, learning rates, misfits and moves."""
    names = ("loss", "gradient", "rate", "count", "misfit", "moves")
    notes: dict[str, list[Any]] = {name: [] for name in names}
    adam_step, unroll, search = Adam.step, network.Network.forward, quasi_newton._search

    def step(self: Adam, factor: float = 1.0) -> None:
        notes["gradient"] += [
            float(torch.linalg.vector_norm(p.grad)) for p in self.parameters if p.grad is not None
        ]
        notes["rate"].append(factor * self.rate)
        adam_step(self, factor)
        notes["count"].append(float(self.steps[0]))

    def rounds(self: network.Network, *arguments: Any, **options: Any) -> Any:
        states, misfit = unroll(self, *arguments, **options)
        notes["misfit"].append(float(misfit.detach()))
        notes["moves"].append(float(states[-1].probe_move.detach().abs().sum()))
        return states, misfit

    def searched(fit: Any, *arguments: Any) -> Any:
        point = search(fit, *arguments)
        notes["misfit"].append(point.misfit if point else np.nan)
        notes["moves"].append(float(torch.linalg.vector_norm(point.moves)) if point else np.nan)
        notes["count"].append(float(len(fit.pairs)))
        return point

    for module in (train, iterative):
        monkeypatch.setattr(module, "require_finite", notes["loss"].append)
    start = iterative.Descent.start

    def gentle(*arguments: Any) -> iterative.Descent:
        descent = start(*arguments)
        for (
            adam
        ) in descent.adams:  # or dark pixels, whose gradients are rounding errors, move as far as others
            adam.epsilon = GENTLE_EPSILON
        return descent

    monkeypatch.setattr(iterative.Descent, "start", gentle)
    monkeypatch.setattr(Adam, "step", step)
    monkeypatch.setattr(network.Network, "forward", rounds)
    monkeypatch.setattr(quasi_newton, "_search", searched)
    return notes


def taken(notes: dict[str, list[Any]]) -> dict[str, np.ndarray]:
    """Return what was noted since the last call."""
    found = {name: np.array(values) for name, values in notes.items() if values}
    for values in notes.values():
        values.clear()
    return found


MAINS = {
    "network": ((train.main, ""), (infer.main, "")),
    "iterative": ((iterative.main, iterative.FIRST_HALF), (iterative.main, iterative.SECOND_HALF)),
    "quasi-newton": (
        (quasi_newton.main, quasi_newton.FIRST_PART),
        (quasi_newton.main, quasi_newton.SECOND_PART),
    ),
}


@pytest.mark.parametrize("pipeline", MAINS)
def test_each_step(  # noqa: PLR0913, PLR0917 - one parameter a fixture of pytest
    pipeline, arrays_regression, fixture, seen, tmp_path, capsys
):
    """Both processes of a pipeline, step by step; the second one goes on where the first one stopped."""
    write_configuration(OPTIONS[pipeline], tmp_path)
    found: dict[str, Any] = {}
    for number, (main, part) in enumerate(MAINS[pipeline], start=1):
        main(Task(fixture, tmp_path, part))
        lines = [json.loads(line)["progress"] for line in capsys.readouterr().out.splitlines()]
        found[f"process_{number}"] = {**taken(seen), "progress": np.array(lines)}
        if number == 1:
            found["checkpoint"] = state_of(read_checkpoint(tmp_path / CHECKPOINT_FILE, pipeline))
    written = read_archive(tmp_path / RECONSTRUCTION_FILE)
    found["written"] = {name: array[::2, ::2] for name, array in written.items()}
    controls = read_archive(tmp_path / CONTROLS_FILE)
    found["controls"] = {
        name: np.array([array.real.sum(), array.imag.sum(), np.linalg.norm(array)])
        for name, array in controls.items()
    }
    arrays_regression.check(found, tolerances=rounding(found))


def rounding(found: Any) -> dict[str, dict[str, float]]:
    """Return tolerances for what was computed in single precision, whatever its own dtype is."""
    arrays = {name: array for name, array in flatten(found).arrays.items() if array.dtype.kind in "fc"}
    return {
        name: {"rtol": 0.0, "atol": ROUNDING * float(np.abs(array).max())} for name, array in arrays.items()
    }


def state_of(saved: Any) -> Any:
    """Return a checkpoint as numbers: the norm of each tensor, and plain values as they are."""
    if isinstance(saved, torch.Tensor):
        return float(torch.linalg.vector_norm(saved)) if saved.numel() else 0.0
    if isinstance(saved, dict):
        return {name.replace(".", "_"): state_of(value) for name, value in saved.items() if value is not None}
    if isinstance(saved, list | tuple):
        return {f"n{number}": state_of(value) for number, value in enumerate(saved)}
    return saved


def test_assessment(arrays_regression, fixture, tmp_path, capsys):
    """Metrics of a reconstruction and of its controls, from the files that the stages wrote."""
    write_configuration(OPTIONS["network"], tmp_path)
    for main, part in MAINS["network"]:
        main(Task(fixture, tmp_path, part))
    capsys.readouterr()
    found = assess.assess(fixture, tmp_path)
    measured = assess.write_measured(tmp_path, tmp_path / "measured.npz")
    again = assess.remeasured(read_archive(fixture), read_archive(measured))
    assert again == found.metrics
    controls = {name: dict(metrics) for name, metrics in found.controls.items()}
    del controls["untrained"]["aligned_phase_ssim"]  # nearly 0: any small value would do
    assessed = {"metrics": found.metrics, "controls": controls, "ring": found.ring}
    arrays_regression.check(assessed, tolerances=rounding(assessed))


def test_experiment(arrays_regression, fixture):
    """What a pipeline reads of a scan: scales, windows, and the model with its adjoints."""
    read = experiment.read_experiment(fixture)
    pixels = read.flat_object().numel()
    obj = torch.polar(torch.linspace(0.5, 1.5, pixels), torch.linspace(-2, 1, pixels))
    obj = obj.reshape(read.windows.shape)
    waves = forward.patches(obj, read.windows)
    predicted = forward.amplitude(read.probe, obj, read.windows)
    start = network.Canvas.start(read, read.probe)
    slopes = network.find_slopes(read, start, torch.tensor([1, 4, 9]))
    moved = network.Step()(network.Canvas(obj, read.probe, 0.1 * obj, 0.2 * read.probe), slopes)
    states = (moved.obj, moved.probe, moved.obj_move, moved.probe_move)
    found = {
        "scales": np.array([read.object_scale, read.probe_scale]),
        "shapes": np.array([*read.corner, *read.object_shape, *read.windows.shape]),
        "amplitude": read.amplitude[:, ::3, ::3],
        "excess": read.excess(predicted)[:, ::3, ::3],
        "placed": forward.place_patches(waves * waves.abs(), read.windows)[::2, ::2],
        "moved_probes": forward.moved_probes(read.probe, read.windows)[:, ::3, ::3],
        "collected": forward.collect_probes(waves, read.windows)[::2, ::2],
        "defocused": forward.defocused(read.probe, 0.3)[::2, ::2],
        "illumination": forward.illumination(read.probe, read.windows)[::2, ::2],
        "slopes": [value[::2, ::2] for value in slopes[:3]],
        "power_and_misfit": torch.stack(slopes[3:]),
        "step": [state[::2, ::2] for state in states],
        "stored_object": read.stored_object(obj)[::3, ::3],
        "stored_probe": read.stored_probe(read.probe)[::2, ::2],
    }  # fmt: skip
    arrays_regression.check(found, tolerances=rounding(found))


def test_batches(arrays_regression, fixture):
    """Which positions each batch holds, for both group sizes, and the rounds of a small scan."""
    read = experiment.read_experiment(fixture)
    found: dict[str, Any] = {}
    for gridsize in (1, 2):
        members = batches.neighbour_groups(read.x, read.y, gridsize=gridsize)
        for size in (1, 5, 50):
            one_pass = batches.one_pass(members, size, np.random.default_rng(4))
            found[f"gridsize_{gridsize}_size_{size}"] = joined(one_pass)
    rounds = batches.endless_rounds(read, NetworkConfiguration(seed=3, batch=2, steps=4))
    found["rounds"] = [joined(next(rounds)) for _ in range(2)]
    arrays_regression.check(found)


def joined(several: list[torch.Tensor]) -> np.ndarray:
    """Return batches in a row, each followed by -1."""
    return np.concatenate([[*batch.tolist(), -1] for batch in several])


def test_schedule_and_limits(arrays_regression):
    """The learning rate's fall, when a descent has settled, and every option's default."""
    losses = [1.0, 0.5, 0.4, 0.396, *[0.3965] * 60]
    settled = [n for n in range(1, len(losses)) if iterative.has_settled(losses[:n], steps=7)]
    kinds = (NetworkConfiguration, IterativeConfiguration, QuasiNewtonConfiguration)
    arrays_regression.check({
        "decay": np.array([cosine_decay(k / 7) for k in range(8)]),
        "settled": np.array(settled[:1]),
        "defaults": {
            kind.__name__: np.array([float(getattr(kind(), name)) for name in kind.__struct_fields__])
            for kind in kinds
        },
        "limits": np.array([run.TIME_LIMIT, run.DEFAULT_THREADS, infer.DIVERGED, train.LARGEST_GRADIENT]),
    })  # fmt: skip
