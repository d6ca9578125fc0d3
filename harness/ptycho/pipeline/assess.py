"""Metrics of a reconstruction and of its controls, from the files that a pipeline's stages wrote.

Runs in the parent process, with numpy and without torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from harness.core.errors import RefusedError
from harness.core.storage.npz import read_archive, write_archive
from harness.ptycho.pipeline.child_process import CONTROLS_FILE, RECONSTRUCTION_FILE
from harness.ptycho.quality.align import align
from harness.ptycho.quality.metrics import diffraction_error, illuminated, object_metrics
from harness.ptycho.quality.picture import write_picture

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    Arrays = Mapping[str, np.ndarray]

SMALLEST_CHANGE = 1e-3
"""Relative change above which object and probe count as updated.

Rounding changes them by 1e-6, learning by 1e-2 and more.
"""

START_ARRAYS = ("before", "after", "probe")
"""Arrays among the controls from which ``object_change`` and ``probe_change`` are computed."""

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
"""Which direction is better, for the metrics that are compared with the controls."""


DECISIVE = ("aligned_correlation", "aligned_frc_mean", "diffraction_error")
"""A reconstruction is ahead of its controls in these, whatever the object is."""

LEAST_SHARE = 0.01
"""Share of an object's contrast from which its amplitude or its phase decides, too.

A flat object is the best answer where amplitude or phase is flat but for a thousandth of the contrast, and
photon noise makes any reconstruction worse.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """Metrics of a reconstruction, and of each control under the same keys.

    Attributes
    ----------
    metrics : mapping of str to float
    controls : mapping of str to mapping of str to float
    ring : float
        Spacing of two Fourier rings in cycles per pixel: the resolution of the FRC cutoff.
    decisive : tuple of str
        The metrics in which a working pipeline is ahead of its controls, see :func:`decisive_metrics`.
    """

    metrics: Mapping[str, float]
    controls: Mapping[str, Mapping[str, float]]
    ring: float
    decisive: tuple[str, ...]


LEARNED = ("object", "probe")
"""What a pipeline learns, unless it says otherwise."""


def assess(fixture: Path, output: Path, *, learned: tuple[str, ...] = LEARNED) -> Assessment:
    """Return the metrics of the reconstruction in the folder *output*, after checking that training did work.

    The metrics are those of :func:`reconstruction_metrics`, and ``object_change`` and ``probe_change``: how
    far training moved each, relative to its start. For the network, ``object_change`` compares the objects
    after one round without and with trained weights, both from the same probe.

    Raises
    ------
    RefusedError
        Training did not update what is *learned*: the object, the probe, or both.
    """
    data = read_archive(fixture)
    result, control = read_archive(output / RECONSTRUCTION_FILE), read_archive(output / CONTROLS_FILE)
    metrics = _metrics(data, result, control)
    unchanged = {"object_change": 0.0, "probe_change": 0.0}
    probes = {"flat": control["probe"], "untrained": control.get("untrained_probe", control["probe"])}
    controls = {
        name: {**reconstruction_metrics(data, control[name], probe), **unchanged}
        for name, probe in probes.items()
        if name in control
    }
    require_updated(metrics, learned)
    decisive = decisive_metrics(data["objectGuess"][_illuminated(data)])
    return Assessment(metrics, controls, ring=1 / min(data["objectGuess"].shape), decisive=decisive)


def write_measured(output: Path, path: Path) -> Path:
    """Write all arrays that the metrics are computed from into one archive, and return its path."""
    result, control = read_archive(output / RECONSTRUCTION_FILE), read_archive(output / CONTROLS_FILE)
    start = {f"start_{name}": control[name] for name in START_ARRAYS}
    write_archive(path, {**{name: result[name] for name in ("object", "probe")}, **start})
    return path


def remeasured(data: Arrays, measured: Arrays) -> dict[str, float]:
    """Return the metrics again, from a fixture's arrays and those that :func:`write_measured` wrote.

    Baselines name this function, so that an audit can recompute their metrics.
    """
    return _metrics(data, measured, {name: measured[f"start_{name}"] for name in START_ARRAYS})


def write_comparison(fixture: Path, output: Path, picture: Path) -> None:
    """Write one *picture* of the stored object, the reconstruction and, if any, the untrained network's.

    Reconstructions are aligned with the stored object first.
    """
    data = read_archive(fixture)
    result, control = read_archive(output / RECONSTRUCTION_FILE), read_archive(output / CONTROLS_FILE)
    stored, mask = data["objectGuess"], _illuminated(data)
    objects = {"reconstruction": result["object"]}
    objects |= {"untrained": control["untrained"]} if "untrained" in control else {}
    aligned = {name: align(obj, stored, mask) for name, obj in objects.items()}
    write_picture(picture, {"stored object": stored, **aligned}, mask)


def reconstruction_metrics(data: Arrays, obj: np.ndarray, probe: np.ndarray) -> dict[str, float]:
    """Return the metrics of one object and probe against a fixture's arrays.

    Parameters
    ----------
    data : mapping of str to ndarray
        The fixture's arrays, by the dataset contract's keys.
    obj : (M, M') complex64
    probe : (H, W) complex64
        Both in stored units.

    Returns
    -------
    dict of str to float
        Those of :func:`~harness.ptycho.quality.metrics.object_metrics`, ``diffraction_error`` and
        ``probe_error``.
    """
    x, y, mask = data["xcoords"], data["ycoords"], data.get("mask")
    return {
        **object_metrics(obj, data["objectGuess"], probe=data["probeGuess"], x=x, y=y),
        "diffraction_error": diffraction_error(
            data["diffraction"], probe=probe, obj=obj, x=x, y=y, mask=mask
        ),
        "probe_error": probe_error(probe, data["probeGuess"]),
    }


def decisive_metrics(stored: np.ndarray) -> tuple[str, ...]:
    """Return the metrics in which a reconstruction of the *stored* object is ahead of a flat one.

    stored : (n,) complex, the illuminated pixels.

    Examples
    --------
    >>> decisive_metrics(np.exp(1j * np.linspace(0, 1, 9)))
    ('aligned_correlation', 'aligned_frc_mean', 'diffraction_error', 'aligned_phase_mae')
    """
    amplitude = np.abs(stored).astype(np.float64)
    of_amplitude = np.mean(amplitude**2) - np.mean(amplitude) ** 2
    of_phase = np.mean(amplitude) ** 2 - np.abs(np.mean(stored.astype(np.complex128))) ** 2
    parts = {"aligned_amplitude_mae": of_amplitude, "aligned_phase_mae": of_phase}
    least = LEAST_SHARE * (of_amplitude + of_phase)
    return (*DECISIVE, *(name for name, contrast in parts.items() if contrast >= least > 0))


def relative_change(now: np.ndarray, before: np.ndarray) -> float:
    """Return ``|| now - before || / || before ||``, in double precision.

    >>> relative_change(np.array([3.0, 4.5]), np.array([3.0, 4.0]))
    0.1
    """
    now, before = now.astype(np.complex128), before.astype(np.complex128)
    return float(np.linalg.norm(now - before) / np.linalg.norm(before))


def probe_error(probe: np.ndarray, stored: np.ndarray) -> float:
    """Return the relative distance of *probe* from the *stored* one, (H, W) complex each.

    The best complex factor is applied first, because a probe is known only up to one.

    >>> probe_error(np.array([2j, 4j]), np.array([1, 2]))
    0.0
    """
    probe, stored = probe.astype(np.complex128), stored.astype(np.complex128)
    return relative_change(np.vdot(probe, stored) / np.vdot(probe, probe) * probe, stored)


def require_updated(metrics: Mapping[str, float], learned: tuple[str, ...] = LEARNED) -> None:
    """Refuse a reconstruction in which something that is *learned* is still where it started.

    Raises
    ------
    RefusedError
        The message says which of the two.
    """
    for what in learned:
        change = metrics[f"{what}_change"]
        if not change > SMALLEST_CHANGE:  # also refuses NaN
            raise RefusedError(
                f"{what}_change",
                expected=f"training to change the {what} by more than {SMALLEST_CHANGE:g} of its norm",
                found=f"{change:.3g}",
                message=f"training did not update the {what}: its relative change is {change:.3g}, "
                f"not above {SMALLEST_CHANGE:g}",
                remedy=f"Check that the {what} is registered with the optimiser and its rate is not zero.",
            )


def _metrics(data: Arrays, result: Arrays, control: Arrays) -> dict[str, float]:
    mask = _illuminated(data)
    return {
        **reconstruction_metrics(data, result["object"], result["probe"]),
        "object_change": relative_change(control["after"][mask], control["before"][mask]),
        "probe_change": relative_change(result["probe"], control["probe"]),
    }


def _illuminated(data: Arrays) -> np.ndarray:
    return illuminated(data["probeGuess"], data["xcoords"], data["ycoords"], data["objectGuess"].shape)
