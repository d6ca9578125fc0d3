"""How the pipelines of ptychography are compared on one fixture: which, by which metrics, in a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.domain.interface import Comparison

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.core.domain.interface import PipelineResult


ARTIFACT = "reconstruction"


def draw(fixture: Path, results: Mapping[str, PipelineResult], path: Path) -> None:
    """Write one picture of the stored object and of all reconstructions, aligned with it.

    Parameters
    ----------
    fixture : Path
    results : mapping of str to PipelineResult
        By pipeline. Those without an artifact ``reconstruction`` are left out; nothing is drawn if all are.
    path : Path
        A .png: a column for each, amplitude above phase.
    """
    # Imported here because scipy and scikit-image are slow to import.
    from harness.core.storage.npz import read_archive
    from harness.ptycho.quality.align import align
    from harness.ptycho.quality.metrics import illuminated
    from harness.ptycho.quality.picture import write_picture

    files = {name: r.artifacts[ARTIFACT] for name, r in results.items() if ARTIFACT in r.artifacts}
    if not files:
        return
    data = read_archive(fixture)
    stored = data["objectGuess"]
    mask = illuminated(data["probeGuess"], data["xcoords"], data["ycoords"], stored.shape)
    found = {name: align(read_archive(file)["object"], stored, mask) for name, file in files.items()}
    write_picture(path, {"stored": stored, **found}, mask)


COMPARISON = Comparison(
    pipelines=(
        "network",
        "iterative",
        "quasi-newton",
        "cdtools",
        "ptychi-lsqml",
        "ptychi-rpie",
        "ptychi-bh",
    ),
    metrics={
        "aligned_amplitude_ssim": "SSIM amp",
        "aligned_phase_ssim": "SSIM phase",
        "aligned_correlation": "corr.",
        "diffraction_error": "diff. error",
        "probe_error": "probe error",
    },
    picture=draw,
)
