"""Check ground-truth patches against the patterns: they must hold the object alone, at these positions."""

from __future__ import annotations

import numpy as np

from harness.core.domain.interface import Finding
from harness.ptycho.scan.forward import BLOCK, far_field
from harness.ptycho.scan.residual import residuals

KEY = "Y"
EXPECTED = "object patches that reproduce the diffraction when multiplied by the probe"


def truth_findings(
    check: str, truth: np.ndarray, probe: np.ndarray, measured: np.ndarray, *, one_photon: float | None
) -> tuple[Finding, ...]:
    """Return a finding if the ground-truth patches do not explain the patterns.

    It says so if they explain them without the probe: they were already multiplied by it.

    Parameters
    ----------
    check : str
        Name of the check that reports.
    truth : (N, H, W) complex
    probe : (H, W) complex
    measured : (N, H, W) float
        Amplitudes, explained by the rest of the dataset.
    one_photon : float or None
        Amplitude of a single photon, if it is known.

    Returns
    -------
    tuple of Finding
        Empty if the patches explain the patterns.
    """
    found = residuals(_amplitude(truth, probe), measured, one_photon=one_photon)
    if found.is_explained:
        return ()
    text = f"patches with a residual of {found.residual:.3g} (contrast {found.contrast:.2f})"
    bare = residuals(_amplitude(truth, np.ones_like(probe)), measured, one_photon=one_photon)
    if not bare.is_explained:
        remedy = "Select Y with the same index array as the other per-position arrays, or leave it out."
        return (Finding(check, KEY, EXPECTED, text, remedy),)
    text += ", best explained by patches that were already multiplied by the probe"
    remedy = (
        f"Store patches of the object alone. "
        f"Residual: {found.residual:.3g} as stored, {bare.residual:.3g} after correction."
    )
    return (Finding(check, KEY, EXPECTED, text, remedy),)


def _amplitude(truth: np.ndarray, probe: np.ndarray) -> np.ndarray:
    """Return |F(probe * patch)| of every stored patch, (N, H, W) float64."""
    blocks = (truth[start : start + BLOCK] for start in range(0, len(truth), BLOCK))
    return np.concatenate([np.abs(far_field(probe * block)) for block in blocks])
