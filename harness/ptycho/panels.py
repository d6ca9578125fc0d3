"""Figures of ptychography's golden files: a scan with its residuals, and a reconstruction beside its truth.

Both functions return nothing for golden files of another kind. They compute with numpy, and never run a
pipeline.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.domain.panels import Image, Lines, Points, Table
from harness.ptycho.check.budget import tables
from harness.ptycho.check.search import account_for
from harness.ptycho.quality.align import align
from harness.ptycho.quality.metrics import frc, illuminated, phases
from harness.ptycho.scan.contract import layout_violations
from harness.ptycho.scan.mask import masked, of_pattern
from harness.ptycho.scan.residual import Dataset, Residuals, squared_errors
from harness.ptycho.scan.rules import FORWARD_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.core.domain.panels import Panel

    Arrays = Mapping[str, np.ndarray]

PATTERNS = 3
"""Diffraction patterns that are shown."""

TAILS = (0.5, 99.5)
"""Percentiles inside the mask that are the ends of a colour scale."""

_RECONSTRUCTED = ("object", "probe")
_LOSS = "loss"
_NO_LOSS = "There is no loss curve: this golden file has no array 'loss'."
_DARK_MASK = "Pale: received less than a tenth of the largest dose, and does not count."


def scan(golden: Arrays, document: Mapping[str, Any], beside: Mapping[str, Arrays]) -> Sequence[Panel]:
    """Return what a fixture of the dataset contract shows: positions, patterns, residuals.

    Parameters
    ----------
    golden : mapping of str to ndarray
        A fixture's arrays.
    document : mapping
        Its manifest; not used.
    beside : mapping of str to mapping
        Not used.

    Examples
    --------
    >>> scan({"image": np.zeros((2, 2))}, {}, {})
    ()
    """
    del document, beside
    data = _dataset(golden)
    if data is None:
        return ()
    each, found = _each(data), data.residuals()
    return (
        Points(
            "scan positions over the object",
            data.x,
            data.y,
            "x: column",
            "y: row",
            values=each,
            unit="residual",
            over=Image("the object's amplitude", np.abs(data.object)),
        ),
        *_patterns(data, each),
        *_mask(data),
        _residual_lines("residual of each pattern", {"stored object and probe": each}, found),
        _budget(found),
        *tables(account_for(data)),
    )


def reconstruction(
    golden: Arrays, document: Mapping[str, Any], beside: Mapping[str, Arrays]
) -> Sequence[Panel]:
    """Return what a pipeline's result shows: beside the truth, its FRC, its residuals and controls.

    Parameters
    ----------
    golden : mapping of str to ndarray
        The arrays that a pipeline's metrics were computed from: ``object`` and ``probe``.
    document : mapping
        Its baseline.
    beside : mapping of str to mapping
        The fixture's arrays, among others, by the names of the golden files.

    Examples
    --------
    >>> reconstruction({"image": np.zeros((2, 2))}, {}, {})
    ()
    """
    if not set(_RECONSTRUCTED) <= golden.keys():
        return ()
    panels: list[Panel] = []
    data = next(filter(None, map(_dataset, beside.values())), None)
    if data is not None and golden["object"].shape == data.object.shape:
        panels += _beside_truth(golden["object"], data)
        panels.append(_residuals_of(golden, data))
    loss = golden.get(_LOSS)
    if loss is not None:
        curve = {"training": (np.arange(len(loss)), np.asarray(loss))}
        panels.append(Lines("loss", curve, "step", "loss", log_y=True))
    if document.get("controls"):
        panels.append(controls_table(document, "" if loss is not None else _NO_LOSS))
    return tuple(panels)


def pattern_residuals(predicted: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Return the relative error of each predicted pattern, (N,) float64; one scale is fitted to all.

    predicted, measured : (N, H, W) real amplitudes. A dark pattern has the error 1 if it is not explained.

    Examples
    --------
    >>> measured = np.stack([np.ones((2, 2)), np.full((2, 2), 3.0)])
    >>> pattern_residuals(measured, measured).tolist()
    [0.0, 0.0]
    """
    wide = np.asarray(measured, dtype=np.float64)
    energy = np.einsum("nij,nij->n", wide, wide)
    left = squared_errors(predicted, measured) * (energy.sum() or 1.0)
    share = np.divide(left, energy, out=np.minimum(left, 1.0), where=energy > 0)
    return np.asarray(np.sqrt(share))


def controls_table(baseline: Mapping[str, Any], note: str = "") -> Table:
    """Return each metric beside those of the controls, and by how much it must be better.

    Examples
    --------
    >>> baseline = {
    ...     "metrics": {"ssim": {"value": 0.9}},
    ...     "controls": {"flat": {"ssim": {"value": 0.1, "margin": 0.4}}},
    ... }
    >>> controls_table(baseline).rows
    (('ssim', '0.9', 'flat', '0.1', '0.8', '0.4'),)
    """
    metrics = baseline["metrics"]
    rows = [
        (
            name,
            _short(metrics[name]["value"]),
            control,
            _short(values[name]["value"]),
            _short(metrics[name]["value"] - values[name]["value"]),
            _short(values[name]["margin"]),
        )
        for name in sorted(metrics)
        for control, values in sorted(baseline["controls"].items())
        if name in values
    ]
    head = ("metric", "golden", "control", "its value", "golden - control", "at least this far")
    return Table("controls", head, tuple(rows), note)


def _dataset(arrays: Arrays) -> Dataset | None:
    """Return the dataset of a fixture's arrays; None if the forward model cannot be computed."""
    if not set(FORWARD_KEYS) <= arrays.keys() or layout_violations(dict(arrays)):
        return None
    return Dataset.of(arrays)


def _each(data: Dataset) -> np.ndarray:
    """Return the relative error of each predicted pattern, (N,) float64, where pixels count."""
    return pattern_residuals(masked(data.predict(), data.mask), data.diffraction)


def _mask(data: Dataset) -> list[Panel]:
    """Return in which patterns each pixel counts, if not every pixel does in all."""
    if data.mask is None or data.mask.all():
        return []
    share = data.mask if data.mask.ndim == 2 else data.mask.mean(axis=0)  # noqa: PLR2004 - (H, W)
    left_out = data.mask.size - int(np.count_nonzero(data.mask))
    note = f"{left_out} of {data.mask.size} pixels do not count, in checks and in metrics."
    return [Image("mask", share.astype(float), "share of the patterns", limits=(0.0, 1.0), note=note)]


def _patterns(data: Dataset, each: np.ndarray) -> list[Panel]:
    """Return the patterns that the object and the probe explain best, in the middle, and worst."""
    order = np.argsort(each, kind="stable")
    places = np.unique(np.linspace(0, len(order) - 1, PATTERNS).round().astype(int))
    shown = [int(order[place]) for place in places]
    stack = data.diffraction[shown]
    top, positive = float(stack.max(initial=0.0)), stack[stack > 0]
    limits = (float(positive.min()), top) if positive.size else None
    return [
        Image(
            f"pattern {number}, residual {each[number]:.3g}",
            data.diffraction[number],
            unit="amplitude",
            scale="log",
            limits=limits,
            mask=of_pattern(data.mask, number),
            note=f"{len(shown)} of {len(each)} patterns are shown: from the best to the worst explained.",
        )
        for number in shown
    ]


def _residual_lines(title: str, series: Mapping[str, np.ndarray], found: Residuals) -> Lines:
    numbered = {name: (np.arange(len(values)), values) for name, values in series.items()}
    photon = found.photon or None
    note = f"Dashed: what photon noise alone leaves, {found.photon:.3g}." if photon else ""
    return Lines(title, numbered, "pattern", "residual", threshold=photon, note=note)


def _budget(found: Residuals) -> Table:
    """Return what the residual consists of, as far as the data say."""
    rest = float(np.sqrt(max(found.residual**2 - found.photon**2, 0.0)))
    rows = (
        ("as stored", _short(found.residual)),
        ("by photon noise alone", _short(found.photon) if found.photon else "unknown: no photon counts"),
        ("the rest", _short(rest) if found.photon else "unknown"),
        ("with permuted coordinates", _short(found.permuted)),
        ("contrast: permuted / stored", _short(found.contrast)),
    )
    return Table("forward residual", ("residual", "value"), rows)


def _beside_truth(obj: np.ndarray, data: Dataset) -> list[Panel]:
    """Return truth, aligned reconstruction and error, of amplitude and of phase, and the FRC of both."""
    truth = data.object
    mask = illuminated(data.probe, data.x, data.y, truth.shape)
    aligned = align(np.nan_to_num(obj, nan=0.0, posinf=0.0, neginf=0.0), truth, mask)
    turned, expected = phases(aligned, truth, mask)
    pairs = {"amplitude": (np.abs(truth), np.abs(aligned), ""), "phase": (expected, turned, "rad")}
    panels: list[Panel] = []
    for name, (one, other, unit) in pairs.items():
        panels += _three(name, one, other, unit, mask)
    return [*panels, _frc(aligned, truth, mask)]


def _three(name: str, truth: np.ndarray, found: np.ndarray, unit: str, mask: np.ndarray) -> list[Panel]:
    """Return truth and reconstruction on one scale, and their difference."""
    low, high = (float(end) for end in np.percentile(truth[mask], TAILS))
    error = found - truth
    most = float(np.percentile(np.abs(error[mask]), TAILS[1]))
    ends = f"The ends of the scale are percentiles {TAILS[0]:g} and {TAILS[1]:g} of the truth. {_DARK_MASK}"
    mean = float(np.abs(error[mask]).mean())
    return [
        Image(f"truth, {name}", truth, unit=unit, limits=(low, high), mask=mask, note=ends),
        Image(f"reconstruction, {name}", found, unit=unit, limits=(low, high), mask=mask, note=ends),
        Image(
            f"reconstruction - truth, {name}",
            error,
            unit=unit,
            symmetric=True,
            limits=(-most, most),
            mask=mask,
            note=f"Aligned first; mean absolute error {mean:.3g}. "
            f"The ends of the scale are percentile {TAILS[1]:g} of the error.",
        ),
    ]


def _frc(aligned: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> Lines:
    ring = frc(aligned, truth, mask)
    curves = {
        "reconstruction and truth": (ring.frequency, ring.correlation),
        "1/2-bit threshold": (ring.frequency, ring.threshold),
    }
    note = f"Above the threshold up to {ring.cutoff:.3g} cycles per pixel; mean {ring.mean:.3g}."
    return Lines("Fourier ring correlation", curves, "cycles per pixel", "correlation", note=note)


def _residuals_of(golden: Arrays, data: Dataset) -> Lines:
    """Return the residual of each pattern, by the reconstruction and by the stored object and probe."""
    own = replace(data, probe=golden["probe"], object=golden["object"])
    each = {"stored object and probe": data, "reconstruction": own}
    series = {name: _each(one) for name, one in each.items()}
    return _residual_lines("residual of each pattern", series, data.residuals())


def _short(value: float) -> str:
    return f"{value:.4g}"
