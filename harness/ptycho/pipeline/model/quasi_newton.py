"""The quasi-Newton reconstruction: L-BFGS on object and probe together, with all patterns in every step.

Directions are those of Nocedal, Math. Comput. 35 (1980) 773, by the two-loop recursion; steps are shortened
until they reduce the misfit enough (Armijo). The curvature of the misfit by a pixel is the light that the
pixel receives, so variables are scaled by its root, and one step length fits all of them.

Libraries have this method, but torch's class imports torch's compiler and scipy's takes 0.5 s to import, in
each process of a reconstruction that takes about 1 s; and scipy's cannot be saved and continued.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from harness.core.storage.npz import write_archive
from harness.ptycho.pipeline.child_process import CHECKPOINT_FILE, CONTROLS_FILE, RECONSTRUCTION_FILE, Task
from harness.ptycho.pipeline.configuration import QuasiNewtonConfiguration, read_configuration
from harness.ptycho.pipeline.model.checkpoint import restore_checkpoint, write_checkpoint
from harness.ptycho.pipeline.model.determinism import make_deterministic
from harness.ptycho.pipeline.model.experiment import Experiment, read_experiment
from harness.ptycho.pipeline.model.forward import amplitude, defocused, illumination
from harness.ptycho.pipeline.model.schedule import require_finite
from harness.ptycho.scan.photons import photon_residual, quantum

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import Tensor

    Pairs = list[tuple[Tensor, Tensor]]

KIND = "quasi-newton"
FIRST_PART, SECOND_PART = "first", "second"
"""Parts of the task; see :class:`~harness.ptycho.pipeline.child_process.Task`."""

SOFTENING = 0.05
"""Pixels with less than this share of the brightest illumination move less."""

SMALLEST_GAIN = 1e-3
"""Share of the misfit that a step must gain, or the fit has settled."""

SMALLEST_MODEL_GAIN = 0.02
"""The same for the misfit above photon noise: a step that gains less of it spreads the model's error."""

STEPS_WITHOUT_PROBE = 2
"""Steps at the start in which the probe does not move, at most a quarter of all.

The object is still unknown. A probe that moves at once takes over its strong phases, and never lets them go.
"""

GAIN_STEPS = 3
"""Steps that a gain is the mean of."""

FIRST_PART_GAIN = 5.0
"""The first part of a reconstruction ends when a step gains less than so many times the smallest gain."""

LEAST_DECREASE = 1e-4
"""Share of the decrease that the gradient promises, which a step must reach (Armijo)."""

MOST_SHORTENINGS = 10
SHORTEST, LONGEST = 0.1, 0.5
"""Bounds on the factor that shortens a step."""

SMALLEST_CURVATURE = 1e-10
"""Pairs of less relative curvature are not remembered, so that each direction is one of descent."""


class Point(NamedTuple):
    """Moves from the start, (n,) float32, with the misfit there and its gradient, (n,) float32."""

    moves: Tensor
    misfit: float
    gradient: Tensor


@dataclass(slots=True, eq=False)
class Fit:
    """An unfinished reconstruction.

    Attributes
    ----------
    obj : (M, M') complex64
    probe : (H, W) complex64
        Where the reconstruction started, in natural units.
    scales : (M, M') float32 and () float32
        Object and probe that a move of 1 adds.
    hold : int
        Steps in which the probe does not move.
    moves : (n,) float32
        Real and imaginary parts of the scaled differences from the start, of the object and of the probe.
    pairs : list of ((n,) float32, (n,) float32)
        The last steps, oldest first, each with the change of the gradient.
    misfits : list of float
        Squared misfit over squared measured amplitudes, at the start and after each step.
    noise : float or None
        The misfit that photon noise leaves; infinite if the dose is unknown, None if not asked for yet.
    """

    obj: Tensor
    probe: Tensor
    scales: tuple[Tensor, Tensor]
    hold: int
    moves: Tensor
    pairs: Pairs = field(default_factory=list)
    misfits: list[float] = field(default_factory=list)
    noise: float | None = None

    @classmethod
    def start(cls, experiment: Experiment, configuration: QuasiNewtonConfiguration) -> Fit:
        """Return the start of a reconstruction: a flat object and a defocused probe."""
        obj, probe = experiment.flat_object(), defocused(experiment.probe, configuration.defocus)
        moves = torch.zeros(2 * (obj.numel() + probe.numel()))
        hold = min(STEPS_WITHOUT_PROBE, configuration.iterations // 4)
        return cls(obj, probe, scales(experiment, probe), hold, moves)

    @property
    def steps(self) -> int:
        """Number of steps done."""
        return max(len(self.misfits) - 1, 0)

    def parts(self, moves: Tensor) -> tuple[Tensor, Tensor]:
        """Return the object and the probe at *moves*, (M, M') and (H, W) complex64."""
        split = torch.split(moves, [2 * self.obj.numel(), 2 * self.probe.numel()])
        of_object, of_probe = self.scales
        scales = of_object, of_probe * (self.steps >= self.hold)
        obj, probe = (
            wave + scale * torch.view_as_complex(part.view(*wave.shape, 2))
            for wave, scale, part in zip((self.obj, self.probe), scales, split, strict=True)
        )
        return obj, probe

    def state(self) -> dict[str, Any]:
        """Return what another process needs to continue to the same bits."""
        return {"moves": self.moves, "pairs": self.pairs, "misfits": self.misfits, "noise": self.noise}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a :meth:`state` of the same experiment.

        Raises
        ------
        ValueError, KeyError, TypeError, AttributeError
            The state has another shape or form.
        """
        pairs = [(step, change) for step, change in state["pairs"]]
        for saved in (state["moves"], *(vector for pair in pairs for vector in pair)):
            if saved.shape != self.moves.shape or saved.dtype != self.moves.dtype:
                raise ValueError(f"{saved.dtype} {tuple(saved.shape)} for {tuple(self.moves.shape)} moves")
        self.moves, self.pairs = state["moves"], pairs
        self.misfits = [float(misfit) for misfit in state["misfits"]]
        self.noise = None if state["noise"] is None else float(state["noise"])


def scales(experiment: Experiment, probe: Tensor) -> tuple[Tensor, Tensor]:
    """Return the scales of object and probe, (M, M') and () float32: one over the root of their light.

    The light of an object's pixel is the *probe*'s at all positions. A probe's pixel sees an object of about
    1 once at each position.
    """
    light = illumination(probe, experiment.windows)  # (M, M')
    return (light + SOFTENING * light.max()).rsqrt(), torch.tensor(experiment.positions).rsqrt()


def minimise(  # noqa: PLR0913 - where to begin, and when to stop
    fit: Fit,
    experiment: Experiment,
    configuration: QuasiNewtonConfiguration,
    *,
    until: int,
    settled: float = 1.0,
    report_progress: Callable[[float], None] = lambda _: None,
) -> None:
    """Run *fit* in place up to the step *until*, or until it has settled.

    Parameters
    ----------
    fit : Fit
        Changed in place.
    experiment : Experiment
    configuration : QuasiNewtonConfiguration
    until : int
        Most steps that are done at the end.
    settled : float
        How many times the smallest gain counts as settled.
    report_progress : callable, optional
        Called with the fraction done after each step.

    Raises
    ------
    RefusedError
        The reconstruction diverged: the misfit is NaN or infinite.
    """
    first, point = fit.steps, _evaluate(fit, experiment, fit.moves)
    require_finite(point.misfit)
    energy = float(experiment.amplitude.square().sum())
    fit.misfits = fit.misfits or [point.misfit / energy]
    while fit.steps < until and not has_settled(fit, experiment, settled):
        found = _search(fit, experiment, point, _direction(point.gradient, fit.pairs))
        if found is None and not fit.pairs:
            break  # not even the steepest descent reduces the misfit: rounding errors remain
        if found is None:
            fit.pairs = []
            continue
        fit.pairs = _remembered(fit.pairs, point, found)[-configuration.memory :]
        fit.moves, point = found.moves, found
        fit.misfits.append(point.misfit / energy)
        if fit.steps == fit.hold:
            point = _evaluate(fit, experiment, fit.moves)  # from here on, with a gradient by the probe
        report_progress((fit.steps - first) / (until - first))


def has_settled(fit: Fit, experiment: Experiment, factor: float = 1.0) -> bool:
    """Return whether the last steps gained less than *factor* times the smallest gain.

    Photon noise explains a part of the misfit. If another part hardly falls any more, the model is wrong
    (several modes, moving positions), and further steps would spread its error over object and probe.
    """
    if fit.steps < fit.hold + GAIN_STEPS:
        return False
    now = fit.misfits[-1]
    gain = (fit.misfits[-1 - GAIN_STEPS] - now) / (GAIN_STEPS * now)
    if gain >= factor * (SMALLEST_GAIN + SMALLEST_MODEL_GAIN):
        return False
    if fit.noise is None:
        fit.noise = photon_noise(experiment, *fit.parts(fit.moves))
    unexplained = max(0.0, 1 - fit.noise / now)
    return gain < factor * (SMALLEST_GAIN + SMALLEST_MODEL_GAIN * unexplained)


@torch.no_grad()
def photon_noise(experiment: Experiment, obj: Tensor, probe: Tensor) -> float:
    """Return the misfit that photon noise alone leaves, as a share of the squared measured amplitudes.

    obj : (M, M') complex64; probe : (H, W) complex64. Infinite if the patterns do not show their dose.
    """
    measured = experiment.amplitude.numpy()
    one_photon = quantum(measured)
    if one_photon is None:
        return math.inf
    predicted = experiment.excess(amplitude(probe, obj, experiment.windows)).numpy() + measured
    return photon_residual(predicted, measured, one_photon) ** 2


def resume(experiment: Experiment, configuration: QuasiNewtonConfiguration, output: Path) -> Fit:
    """Return the reconstruction that another process saved half way in the folder *output*.

    Raises
    ------
    UnreadableError
        The checkpoint is damaged, or is of another experiment.
    """
    fit = Fit.start(experiment, configuration)
    restore_checkpoint(output / CHECKPOINT_FILE, KIND, fit.restore)
    return fit


def main(task: Task) -> Mapping[str, str]:
    """Run the first part and save it, or run the second part and write the results.

    Returns the digests of the arrays that were read.
    """
    configuration = read_configuration(QuasiNewtonConfiguration, task.output)
    make_deterministic(seed=configuration.seed, threads=configuration.threads)
    experiment = read_experiment(task.fixture)
    if task.part == FIRST_PART:
        _first_part(task, experiment, configuration)
    else:
        _second_part(task, experiment, configuration)
    task.report_progress(1.0)
    return experiment.inputs


def _first_part(task: Task, experiment: Experiment, configuration: QuasiNewtonConfiguration) -> None:
    fit, half = Fit.start(experiment, configuration), configuration.iterations // 2
    minimise(
        fit, experiment, configuration,
        until=half, settled=FIRST_PART_GAIN, report_progress=task.report_progress,
    )  # fmt: skip
    write_checkpoint(task.output / CHECKPOINT_FILE, KIND, fit.state())


def _second_part(task: Task, experiment: Experiment, configuration: QuasiNewtonConfiguration) -> None:
    fit, whole = resume(experiment, configuration, task.output), configuration.iterations
    minimise(fit, experiment, configuration, until=whole, report_progress=task.report_progress)
    obj, probe = fit.parts(fit.moves)
    found, flat = experiment.stored_object(obj), experiment.stored_object(fit.obj)  # (M, M') each
    write_archive(task.output / RECONSTRUCTION_FILE, {
        "object": found, "probe": experiment.stored_probe(probe),
    })  # fmt: skip
    write_archive(task.output / CONTROLS_FILE, {
        "flat": flat, "before": flat, "after": found, "probe": experiment.stored_probe(fit.probe),
    })  # fmt: skip


def _evaluate(fit: Fit, experiment: Experiment, moves: Tensor) -> Point:
    """Return the point at *moves*, (n,) float32."""
    leaf = moves.detach().requires_grad_()
    obj, probe = fit.parts(leaf)
    misfit = experiment.excess(amplitude(probe, obj, experiment.windows)).square().sum()
    misfit.backward()  # type: ignore[no-untyped-call]
    return Point(
        leaf.detach(), misfit.item(), leaf.grad if leaf.grad is not None else torch.zeros_like(moves)
    )


def _direction(gradient: Tensor, pairs: Pairs) -> Tensor:
    """Return the direction of descent, (n,): minus the gradient times the estimated inverse curvature."""
    q, shares = gradient.clone(), []
    for step, change in reversed(pairs):
        shares.append(torch.dot(step, q) / torch.dot(step, change))
        q -= shares[-1] * change
    # With these scales the curvature is about 2; the last pair knows it better.
    q *= torch.dot(*pairs[-1]) / torch.dot(pairs[-1][1], pairs[-1][1]) if pairs else 0.5
    for (step, change), share in zip(pairs, reversed(shares), strict=True):
        q += (share - torch.dot(change, q) / torch.dot(step, change)) * step
    return -q


def _search(fit: Fit, experiment: Experiment, point: Point, direction: Tensor) -> Point | None:
    """Return a point along *direction*, (n,), that reduces the misfit enough; None if there is none."""
    slope = torch.dot(point.gradient, direction).item()
    length = 1.0
    for _ in range(MOST_SHORTENINGS):
        found = _evaluate(fit, experiment, point.moves + length * direction)
        if found.misfit <= point.misfit + LEAST_DECREASE * length * slope:
            return found if found.misfit < point.misfit else None
        # The minimum of the parabola through both misfits and the slope.
        bend = found.misfit - point.misfit - length * slope
        best = -length * slope / (2 * bend) if bend > 0 else SHORTEST
        length *= min(max(best, SHORTEST), LONGEST)
    return None


def _remembered(pairs: Pairs, before: Point, after: Point) -> Pairs:
    """Return *pairs* with the step between two points, unless it shows no curvature."""
    step, change = after.moves - before.moves, after.gradient - before.gradient
    enough = torch.dot(step, change) > SMALLEST_CURVATURE * torch.dot(change, change)
    return [*pairs, (step, change)] if enough else pairs
