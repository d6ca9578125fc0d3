"""The pipelines `network-halves`, `iterative-halves` and `quasi-newton-halves`, which need no ground truth.

They reconstruct a measured scan twice, from two disjoint halves of its positions, and compare the results.
The halves share nothing but the stored probe that both start from.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from harness.core.domain.interface import PipelineResult
from harness.core.errors import RefusedError, UsageError
from harness.core.storage.npz import read_archive, write_archive
from harness.ptycho.pipeline import run
from harness.ptycho.quality.align import align
from harness.ptycho.quality.metrics import correlation, diffraction_error, frc, illuminated
from harness.ptycho.quality.picture import write_picture
from harness.ptycho.scan.rules import is_per_position
from harness.ptycho.scan.select import stratified

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.core.domain.interface import Stage

    Arrays = Mapping[str, np.ndarray]

PIPELINES = {"network": run.network, "iterative": run.iterative, "quasi-newton": run.quasi_newton}
KEPT_ARRAYS = ("objectGuess", "probeGuess", "diffraction", "xcoords", "ycoords", "mask")
"""What a half has; the arrays with an entry for each position are split."""

FEWEST_POSITIONS = 8
"""The smallest number of positions in a half."""

FLAT_CONTRAST = 1e-6
"""Relative standard deviation below which an object is flat, and its structure is rounding error."""

HALVES = ("half_a", "half_b")
BETTER: dict[str, Literal["higher", "lower"]] = {
    "half_frc_mean": "higher",
    "half_frc_cutoff": "higher",
    "half_correlation": "higher",
    "diffraction_error": "lower",
    "unseen_diffraction_error": "lower",
}
"""Which direction is better, for the metrics that are compared with the control."""

DECISIVE = ("half_frc_mean", "half_correlation", "diffraction_error")
"""Two halves may predict each other's patterns badly where the scan has little overlap."""


def reconstruct_halves(pipeline: str, fixture: Path, output: Path, **options: Any) -> PipelineResult:
    """Reconstruct *fixture* twice by *pipeline*, from disjoint halves of its positions, and compare.

    Parameters
    ----------
    pipeline : str
        ``network``, ``iterative`` or ``quasi-newton``.
    fixture, output : Path
        As for the pipeline; each half gets a folder of its own in *output*.
    **options
        As for the pipeline; the time limit applies to each half.

    Returns
    -------
    PipelineResult
        Metrics: ``half_frc_mean``, ``half_frc_cutoff`` (cycles per pixel) and ``half_correlation`` of the
        two objects, where both are illuminated; ``diffraction_error`` of each half on its own patterns, and
        ``unseen_diffraction_error`` on the other half's, means over the two. Control: ``flat`` objects.

    Raises
    ------
    UsageError
        The pipeline is unknown.
    RefusedError
        There are too few positions to split; or an error of the pipeline.
    """
    if pipeline not in PIPELINES:
        raise UsageError(
            "pipeline", expected=" or ".join(PIPELINES), found=pipeline, remedy="Use one of these names."
        )
    data = read_archive(fixture)
    halves = [_half(data, index) for index in split_positions(data["xcoords"], data["ycoords"])]
    results = {
        name: _run_on_half(pipeline, half, Path(output) / name, options)
        for name, half in zip(HALVES, halves, strict=True)
    }
    found = [read_archive(result.artifacts["reconstruction"]) for result in results.values()]
    flat = [_flat(read_archive(result.artifacts["controls"])) for result in results.values()]
    artifacts = {f"{name} {key}": path for name, r in results.items() for key, path in r.artifacts.items()}
    artifacts["picture"] = Path(output) / run.PICTURE_FILE
    _write_picture(halves, found, artifacts["picture"])
    return PipelineResult(
        pipeline=f"{pipeline}-halves",
        metrics=compare_halves(halves, found),
        controls={"flat": compare_halves(halves, flat)},
        stages=tuple(_stage_of_half(stage, name) for name, r in results.items() for stage in r.stages),
        artifacts=artifacts,
        better=BETTER,
        decisive=DECISIVE,
    )


def network(fixture: Path, output: Path, **options: Any) -> PipelineResult:
    """Reconstruct both halves with the network; see :func:`reconstruct_halves`."""
    return reconstruct_halves("network", fixture, output, **options)


def iterative(fixture: Path, output: Path, **options: Any) -> PipelineResult:
    """Reconstruct both halves by gradient descent; see :func:`reconstruct_halves`."""
    return reconstruct_halves("iterative", fixture, output, **options)


def quasi_newton(fixture: Path, output: Path, **options: Any) -> PipelineResult:
    """Reconstruct both halves by the quasi-Newton method; see :func:`reconstruct_halves`."""
    return reconstruct_halves("quasi-newton", fixture, output, **options)


def split_positions(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two disjoint index arrays that together hold all positions, and each cover the scan evenly.

    x, y : (N,) float64, in object pixels.

    Raises
    ------
    RefusedError
        A half would hold fewer than 8 positions.

    Examples
    --------
    >>> first, second = split_positions(np.arange(16.0), np.zeros(16))
    >>> len(first), len(second)
    (8, 8)
    """
    if len(x) < 2 * FEWEST_POSITIONS:
        raise RefusedError(
            "positions",
            expected=f"at least {2 * FEWEST_POSITIONS} to split into halves",
            found=str(len(x)),
            remedy="Use a fixture with more positions.",
        )
    first = stratified(x, y, len(x) // 2)
    return first, np.setdiff1d(np.arange(len(x)), first)


def compare_halves(halves: Sequence[Arrays], found: Sequence[Arrays]) -> dict[str, float]:
    """Return the metrics of two reconstructions, ``object`` and ``probe`` each, of two halves of a scan.

    See :func:`reconstruct_halves` for their names.
    """
    a, b, both = _aligned_objects(halves, found)
    own = [_diffraction_error(half, f) for half, f in zip(halves, found, strict=True)]
    other = [_diffraction_error(half, f) for half, f in zip(halves, reversed(found), strict=True)]
    return {
        **_agreement(a, b, both),
        "diffraction_error": float(np.mean(own)),
        "unseen_diffraction_error": float(np.mean(other)),
    }


def _aligned_objects(
    halves: Sequence[Arrays], found: Sequence[Arrays]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return both objects, the second aligned with the first, and the mask where both are illuminated."""
    masks = [illuminated(h["probeGuess"], h["xcoords"], h["ycoords"], h["objectGuess"].shape) for h in halves]
    both = masks[0] & masks[1]
    first = found[0]["object"].astype(np.complex128)
    return first, align(found[1]["object"], first, both), both


def _agreement(a: np.ndarray, b: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Return how well two aligned objects agree; 0 if one is flat, because rounding errors may correlate."""
    names = ("half_frc_mean", "half_frc_cutoff", "half_correlation")
    if min(np.std(v[mask]) / np.abs(v[mask]).mean() for v in (a, b)) < FLAT_CONTRAST:
        return dict.fromkeys(names, 0.0)
    ring = frc(a, b, mask)
    return dict(zip(names, (ring.mean, ring.cutoff, correlation(a[mask], b[mask])), strict=True))


def _diffraction_error(half: Arrays, found: Arrays) -> float:
    return diffraction_error(
        half["diffraction"],
        probe=found["probe"],
        obj=found["object"],
        x=half["xcoords"],
        y=half["ycoords"],
        mask=half.get("mask"),
    )


def _stage_of_half(stage: Stage, half: str) -> Stage:
    """Prefix the stage with its half; drop its inputs, which are half arrays and match no manifest."""
    return replace(stage, name=f"{half} {stage.name}", inputs={})


def _write_picture(halves: Sequence[Arrays], found: Sequence[Arrays], path: Path) -> None:
    a, b, both = _aligned_objects(halves, found)
    write_picture(path, dict(zip(HALVES, (a, b), strict=True)), both)


def _run_on_half(pipeline: str, half: Arrays, folder: Path, options: dict[str, Any]) -> PipelineResult:
    folder.mkdir(parents=True, exist_ok=True)
    write_archive(folder / "fixture.npz", half)
    return PIPELINES[pipeline](folder / "fixture.npz", folder, **options)


def _half(data: Arrays, index: np.ndarray) -> dict[str, np.ndarray]:
    kept = {key: data[key] for key in KEPT_ARRAYS if key in data}
    return {key: array[index] if is_per_position(key, array) else array for key, array in kept.items()}


def _flat(controls: Arrays) -> dict[str, np.ndarray]:
    return {"object": controls["flat"], "probe": controls["probe"]}
