"""Golden values of the constants and defaults that results depend on, and of where their effect sets in.

A pipeline's own golden values see a constant only if the run comes near it. A new value is a decision, so it
is recorded with a reason.
"""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the pipelines need torch")

import torch

from harness.ptycho.fixture import minimal
from harness.ptycho.pipeline.configuration import QuasiNewtonConfiguration
from harness.ptycho.pipeline.model import iterative, quasi_newton
from harness.ptycho.pipeline.model.experiment import read_experiment

PIPELINE = (
    "assess", "configuration", "halves", "run", "model.batches", "model.experiment", "model.infer",
    "model.iterative", "model.network", "model.optimisers", "model.quasi_newton", "model.train",
)  # fmt: skip
QUICK = [1.0, 0.5, 0.4, 0.395, *[0.3948] * 395]
SLOW = [*[0.985**k for k in range(30)], *[0.6] * 370]
"""Losses whose last progress is a little more than a hundredth, and that make as little in every epoch."""

SCAN = ("forward", "photons", "resample", "residual", "select", "simulate")
MODULES = (
    "fixture", "quality.align", "quality.metrics", "quality.picture",
    *(f"pipeline.{name}" for name in PIPELINE),
    *(f"scan.{name}" for name in SCAN),
)  # fmt: skip
"""Modules whose numbers decide about results, below ``harness.ptycho``."""


def test_constants(arrays_regression):
    """Every constant, and every default of a function or of a pipeline's options, that is a number."""
    found = {name: numbers_of(importlib.import_module(f"harness.ptycho.{name}")) for name in MODULES}
    arrays_regression.check({name.replace(".", "_"): values for name, values in found.items() if values})


def numbers_of(module: Any) -> dict[str, float | np.ndarray]:
    """Return the numbers that a module defines, by name."""
    found: dict[str, Any] = {k: v for k, v in vars(module).items() if k.strip("_").isupper()}
    for name, value in vars(module).items():
        if inspect.isfunction(value) and value.__module__ == module.__name__:
            found |= {f"{name}_{p.name}": p.default for p in inspect.signature(value).parameters.values()}
        if inspect.isclass(value) and value.__module__ == module.__name__:
            found |= options_of(name, value)
    return {name: np.array(value, dtype=np.float64) for name, value in found.items() if is_numeric(value)}


def options_of(name: str, kind: type) -> dict[str, Any]:
    """Return the defaults of a configuration's options."""
    options = getattr(kind, "__struct_fields__", ())
    return {f"{name}_{option}": getattr(kind(), option) for option in options}


def is_numeric(value: Any) -> bool:
    """Return whether *value* is a number, or a tuple of numbers."""
    values = value if isinstance(value, tuple) and value else (value,)
    return all(isinstance(item, int | float) for item in values)


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """A small scan with photon noise, as a pipeline reads it."""
    path = tmp_path_factory.mktemp("small") / "small.npz"
    made = minimal(positions=16, detector=32, step=6.0, photons=1e5, seed=4, name="small")
    np.savez(path, **made.arrays)
    return read_experiment(path)


def test_where_a_fit_has_settled(arrays_regression, read):
    """The smallest gain of a step that goes on, by the factor and by the share that noise explains."""
    fit = quasi_newton.Fit.start(read, QuasiNewtonConfiguration())
    gains, counts = np.geomspace(1e-4, 0.5, 300), {}
    for factor in (1.0, quasi_newton.FIRST_PART_GAIN):
        for share in (0.0, 0.4, 1.0, 2.0):
            settled = 0
            for gain in gains:
                fit.misfits = [1.0, *(0.01 * (1 + k * gain) for k in (5, 4, 3, 2, 1, 0))]
                fit.noise = share * 0.01
                settled += quasi_newton.has_settled(fit, read, factor)
            counts[f"factor_{factor:g}_noise_{share:g}".replace(".", "_")] = settled
    fit.misfits = fit.misfits[: fit.hold + quasi_newton.GAIN_STEPS]
    counts["too_few_steps"] = int(quasi_newton.has_settled(fit, read, 1e9))
    flat = read.flat_object()
    arrays_regression.check({
        "settled": counts,
        "photon_noise": quasi_newton.photon_noise(read, flat, read.probe),
        "hold": [
            quasi_newton.Fit.start(read, QuasiNewtonConfiguration(iterations=n)).hold for n in (3, 4, 8, 100)
        ],
        "epochs": [
            next(n for n in range(1, 400) if iterative.has_settled(losses[:n], steps=steps))
            for losses in (QUICK, SLOW)
            for steps in (1, 7, 120)
        ],
    })  # fmt: skip


def test_search_and_direction(arrays_regression, monkeypatch, read):
    """Step lengths on functions that are known, and directions from pairs that are known."""
    fit = quasi_newton.Fit.start(read, QuasiNewtonConfiguration())
    found: dict[str, Any] = {}
    curves = {
        "steep": lambda t: (t - 0.02) ** 2,
        "far": lambda t: (t - 0.3) ** 2 + 0.1,
        "kink": lambda t: abs(t - 0.001) + 0.2 * t,
        "flat": lambda t: 1 - 5e-5 * t + 0 * t,
        "rising": lambda t: 1 + t,
    }
    for name, curve in curves.items():
        tried: list[float] = []

        def evaluate(_fit, _read, moves, curve=curve, tried=tried):
            t = float(moves[0])
            tried.append(t)
            return quasi_newton.Point(
                moves, float(curve(t)), torch.tensor([(curve(t + 1e-3) - curve(t)) * 1e3])
            )

        monkeypatch.setattr(quasi_newton, "_evaluate", evaluate)
        point = evaluate(None, None, torch.zeros(1))
        slope = -1.0 if name in {"flat", "rising"} else float(point.gradient[0])
        start = point._replace(gradient=torch.tensor([slope]))
        end = quasi_newton._search(fit, read, start, torch.ones(1))
        found[name] = [*tried, np.nan if end is None else end.misfit]
    gradient = torch.tensor([1.0, -2.0, 0.5])
    pairs = [
        (torch.tensor([0.1, 0.2, 0.0]), torch.tensor([0.3, 0.5, -0.1])),
        (torch.tensor([0.0, -0.1, 0.4]), torch.tensor([0.1, -0.2, 0.9])),
    ]
    found["direction"] = [quasi_newton._direction(gradient, pairs[:n]) for n in (0, 1, 2)]
    before = quasi_newton.Point(torch.zeros(3), 1.0, torch.zeros(3))
    changes = (1e-12, 0.5e-10, 2e-10, 1.0)
    found["remembered"] = [
        len(quasi_newton._remembered([], before, before._replace(
            moves=torch.tensor([change, 0.0, 0.0]), gradient=torch.tensor([1.0, 0.0, 0.0]),
        ))) for change in changes
    ]  # fmt: skip
    arrays_regression.check(found)
