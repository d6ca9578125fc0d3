"""What a pipeline left on disk, measured: the reconstruction and its controls against the fixture.

numpy only, in the parent; every figure is taken from the files that the processes wrote.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from harness.core.errors import RefusedError
from harness.core.storage.npz import read_archive, write_archive
from harness.ptycho.pipeline.child_process import CONTROLS, RECONSTRUCTION
from harness.ptycho.quality.align import align
from harness.ptycho.quality.metrics import diffraction_error, illuminated, object_metrics
from harness.ptycho.quality.picture import write_picture

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MOVED = 1e-3
"""Relative change from which object or probe count as moved: rounding makes 1e-6, learning 1e-2 and more."""


COMPARED = ("before", "after", "probe")
"""Of the controls' arrays, those that the metrics themselves compare with."""

BETTER: dict[str, Literal["higher", "lower"]] = {
    "aligned_amplitude_ssim": "higher",
    "aligned_phase_ssim": "higher",
    "aligned_amplitude_mae": "lower",
    "aligned_phase_mae": "lower",
    "aligned_amplitude_psnr": "higher",
    "aligned_correlation": "higher",
    "aligned_frc_mean": "higher",
    "aligned_frc_cutoff": "higher",
    "diffraction_error": "lower",
    "probe_error": "lower",
}
"""The metrics that are compared with the controls."""


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """The figures of a reconstruction, and of each control under the same keys.

    ``ring`` is the distance of two Fourier rings, in cycles per pixel: no cutoff is known better.
    """

    metrics: Mapping[str, float]
    controls: Mapping[str, Mapping[str, float]]
    ring: float


def assess(fixture: Path, output: Path) -> Assessment:
    """Measure what *output* holds against *fixture*, and require that training moved object and probe.

    Beside the object metrics: ``diffraction_error``; ``object_change`` and ``probe_change``, how far training
    moved each, relative to where it started (the network's object after one round, with the final probe on
    both sides, so that a moving probe alone does not count); ``probe_error``, the distance to the stored
    probe up to a complex factor.

    Raises
    ------
    RefusedError
        Object or probe did not move.
    """
    data = read_archive(fixture)
    result, control = read_archive(output / RECONSTRUCTION), read_archive(output / CONTROLS)
    metrics = _metrics(data, result, control)
    still = {"object_change": 0.0, "probe_change": 0.0}
    probes = {"flat": control["probe"], "untrained": control["probe"], "untrained weights": result["probe"]}
    controls = {
        name: {**measured(data, control[name], probe), **still}
        for name, probe in probes.items()
        if name in control
    }
    require_moved(metrics)
    return Assessment(metrics, controls, ring=1 / min(data["objectGuess"].shape))


def keep(output: Path, path: Path) -> Path:
    """Write what the metrics are measured on into one archive."""
    result, control = read_archive(output / RECONSTRUCTION), read_archive(output / CONTROLS)
    kept = {f"start_{name}": control[name] for name in COMPARED}
    write_archive(path, {**{name: result[name] for name in ("object", "probe")}, **kept})
    return path


def remeasured(data: Mapping[str, np.ndarray], kept: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return the metrics of a fixture's arrays and what :func:`keep` wrote."""
    return _metrics(data, kept, {name: kept[f"start_{name}"] for name in COMPARED})


def _metrics(
    data: Mapping[str, np.ndarray], result: Mapping[str, np.ndarray], control: Mapping[str, np.ndarray]
) -> dict[str, float]:
    lit = illuminated(data["probeGuess"], data["xcoords"], data["ycoords"], data["objectGuess"].shape)
    return {
        **measured(data, result["object"], result["probe"]),
        "object_change": relative_change(control["after"][lit], control["before"][lit]),
        "probe_change": relative_change(result["probe"], control["probe"]),
    }


def draw(fixture: Path, output: Path, picture: Path) -> None:
    """Write the stored object, the reconstruction and the untrained network's, aligned, as one *picture*."""
    data = read_archive(fixture)
    result, control = read_archive(output / RECONSTRUCTION), read_archive(output / CONTROLS)
    stored = data["objectGuess"]
    lit = illuminated(data["probeGuess"], data["xcoords"], data["ycoords"], stored.shape)
    found = {"reconstruction": result["object"]}
    found |= {"untrained": control["untrained"]} if "untrained" in control else {}
    aligned = {name: align(obj, stored, lit) for name, obj in found.items()}
    write_picture(picture, {"stored object": stored, **aligned}, lit)


def measured(data: Mapping[str, np.ndarray], obj: np.ndarray, probe: np.ndarray) -> dict[str, float]:
    """Return object metrics, diffraction error and probe error of one *obj*, (M, M'), and *probe*, (H, W)."""
    x, y = data["xcoords"], data["ycoords"]
    return {
        **object_metrics(obj, data["objectGuess"], probe=data["probeGuess"], x=x, y=y),
        "diffraction_error": diffraction_error(data["diffraction"], probe=probe, obj=obj, x=x, y=y),
        "probe_error": probe_error(probe, data["probeGuess"]),
    }


def relative_change(now: np.ndarray, before: np.ndarray) -> float:
    """Return ``|| now - before || / || before ||``, in double precision."""
    now, before = now.astype(np.complex128), before.astype(np.complex128)
    return float(np.linalg.norm(now - before) / np.linalg.norm(before))


def probe_error(probe: np.ndarray, stored: np.ndarray) -> float:
    """Return the relative distance of *probe* to the *stored* one, (H, W) each, up to a complex factor."""
    probe, stored = probe.astype(np.complex128), stored.astype(np.complex128)
    return relative_change(np.vdot(probe, stored) / np.vdot(probe, probe) * probe, stored)


def require_moved(metrics: Mapping[str, float]) -> None:
    """Refuse a reconstruction whose object or probe stayed where it started.

    Raises
    ------
    RefusedError
        Naming which of the two.
    """
    for what in ("object", "probe"):
        change = metrics[f"{what}_change"]
        if not change > MOVED:
            raise RefusedError(
                f"{what}_change",
                expected=f"training to move the {what} by more than {MOVED:g} of its norm",
                found=f"{change:.3g}",
                remedy=f"See that the {what} is registered with the optimiser, and its rate is not zero.",
            )
