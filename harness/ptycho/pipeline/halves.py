"""Measured data have no truth: reconstruct from two disjoint halves of the positions, and compare these.

The halves share the stored probe to start from, and nothing else.
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
from harness.ptycho.scan.select import stratified

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.core.domain.interface import Stage

    Arrays = Mapping[str, np.ndarray]

PIPELINES = {"network": run.network, "iterative": run.iterative}
PER_POSITION = ("diffraction", "xcoords", "ycoords")
FEWEST = 8
FLAT = 1e-6
NAMES = ("half_a", "half_b")
BETTER: dict[str, Literal["higher", "lower"]] = {
    "half_frc_mean": "higher",
    "half_frc_cutoff": "higher",
    "half_correlation": "higher",
    "diffraction_error": "lower",
    "unseen_diffraction_error": "lower",
}
"""The metrics that are compared with the control."""


def halves(pipeline: str, fixture: Path, output: Path, **options: Any) -> PipelineResult:
    """Reconstruct *fixture* twice by *pipeline*, from disjoint halves of its positions.

    Parameters
    ----------
    pipeline : str
        ``network`` or ``iterative``.
    fixture, output : Path
        As for the pipeline; each half gets a folder of its own in *output*.
    **options
        As for the pipeline; its limit holds for each half.

    Returns
    -------
    PipelineResult
        Metrics: ``half_frc_mean``, ``half_frc_cutoff`` (cycles per pixel) and ``half_correlation`` of the
        two objects, where both are illuminated; ``diffraction_error`` of each half on its own patterns, and
        ``unseen_diffraction_error`` on the other half's, means over the two. Control: ``flat`` objects.

    Raises
    ------
    UsageError
        An unknown pipeline.
    RefusedError
        Too few positions to halve; and all that the pipeline refuses.
    """
    if pipeline not in PIPELINES:
        raise UsageError(
            "pipeline", expected=" or ".join(PIPELINES), found=pipeline, remedy="Name one of them."
        )
    data = read_archive(fixture)
    parts = [_part(data, index) for index in split(data["xcoords"], data["ycoords"])]
    done = {
        name: _reconstructed(pipeline, part, Path(output) / name, options)
        for name, part in zip(NAMES, parts, strict=True)
    }
    found = [read_archive(result.artifacts["reconstruction"]) for result in done.values()]
    flat = [_flat(read_archive(result.artifacts["controls"])) for result in done.values()]
    artifacts = {f"{name} {key}": path for name, r in done.items() for key, path in r.artifacts.items()}
    artifacts["picture"] = Path(output) / run.PICTURE
    _draw(parts, found, artifacts["picture"])
    return PipelineResult(
        f"{pipeline}-halves",
        compared(parts, found),
        {"flat": compared(parts, flat)},
        tuple(_renamed(stage, name) for name, r in done.items() for stage in r.stages),
        artifacts,
        BETTER,
    )


def network(fixture: Path, output: Path, **options: Any) -> PipelineResult:
    """Reconstruct halves with the network; see :func:`halves`."""
    return halves("network", fixture, output, **options)


def iterative(fixture: Path, output: Path, **options: Any) -> PipelineResult:
    """Reconstruct halves by gradient descent; see :func:`halves`."""
    return halves("iterative", fixture, output, **options)


def split(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split positions, x and y (N,), into two index arrays that each cover the scan evenly.

    Raises
    ------
    RefusedError
        A half would hold fewer than 8 positions.
    """
    if len(x) < 2 * FEWEST:
        raise RefusedError(
            "positions",
            expected=f"at least {2 * FEWEST} to halve",
            found=str(len(x)),
            remedy="Use a larger fixture.",
        )
    first = stratified(x, y, len(x) // 2)
    return first, np.setdiff1d(np.arange(len(x)), first)


def compared(parts: Sequence[Arrays], found: Sequence[Arrays]) -> dict[str, float]:
    """Return the figures of two reconstructions of two halves; see :func:`halves`."""
    a, b, both = _aligned(parts, found)
    own = [_error(part, f) for part, f in zip(parts, found, strict=True)]
    other = [_error(part, f) for part, f in zip(parts, reversed(found), strict=True)]
    return {
        **_agreement(a, b, both),
        "diffraction_error": float(np.mean(own)),
        "unseen_diffraction_error": float(np.mean(other)),
    }


def _aligned(parts: Sequence[Arrays], found: Sequence[Arrays]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return both halves' objects, the second aligned with the first, and where both are lit."""
    masks = [illuminated(p["probeGuess"], p["xcoords"], p["ycoords"], p["objectGuess"].shape) for p in parts]
    both = masks[0] & masks[1]
    first = found[0]["object"].astype(np.complex128)
    return first, align(found[1]["object"], first, both), both


def _renamed(stage: Stage, half: str) -> Stage:
    """Say which half a stage is of; the arrays that it read are a part of the fixture, and no manifest's."""
    return replace(stage, name=f"{half} {stage.name}", inputs={})


def _draw(parts: Sequence[Arrays], found: Sequence[Arrays], path: Path) -> None:
    a, b, both = _aligned(parts, found)
    write_picture(path, dict(zip(NAMES, (a, b), strict=True)), both)


def _agreement(a: np.ndarray, b: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Compare two aligned objects; flat ones agree in nothing, though their rounding would correlate."""
    names = ("half_frc_mean", "half_frc_cutoff", "half_correlation")
    if min(np.std(v[mask]) / np.abs(v[mask]).mean() for v in (a, b)) < FLAT:
        return dict.fromkeys(names, 0.0)
    ring = frc(a, b, mask)
    return dict(zip(names, (ring.mean, ring.cutoff, correlation(a[mask], b[mask])), strict=True))


def _reconstructed(pipeline: str, part: Arrays, folder: Path, options: dict[str, Any]) -> PipelineResult:
    folder.mkdir(parents=True, exist_ok=True)
    write_archive(folder / "fixture.npz", part)
    return PIPELINES[pipeline](folder / "fixture.npz", folder, **options)


def _flat(controls: Arrays) -> dict[str, np.ndarray]:
    return {"object": controls["flat"], "probe": controls["probe"]}


def _part(data: Arrays, index: np.ndarray) -> dict[str, np.ndarray]:
    whole = {key: data[key] for key in ("objectGuess", "probeGuess")}
    return {**whole, **{key: data[key][index] for key in PER_POSITION}}


def _error(part: Arrays, found: Mapping[str, np.ndarray]) -> float:
    where = {"x": part["xcoords"], "y": part["ycoords"]}
    return diffraction_error(part["diffraction"], probe=found["probe"], obj=found["object"], **where)
