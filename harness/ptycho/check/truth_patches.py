"""Ground-truth patches, judged by the patterns: are they of the object alone, and of these positions."""

from __future__ import annotations

import numpy as np

from harness.core.domain.interface import Finding
from harness.ptycho.scan.forward import BLOCK, far_field
from harness.ptycho.scan.residual import compare

KEY = "Y"
EXPECTED = "object patches that give the diffraction when the probe illuminates them"


def truth_findings(
    check: str, truth: np.ndarray, probe: np.ndarray, measured: np.ndarray, *, one: float | None
) -> tuple[Finding, ...]:
    """Judge truth patches by the patterns, which the rest of the dataset explains.

    Parameters
    ----------
    check : str
        The check that reports.
    truth : (N, H, W) complex
    probe : (H, W) complex
    measured : (N, H, W) float
        Amplitudes.
    one : float or None
        Amplitude of a single photon, where it is known.

    Returns
    -------
    tuple of Finding
        One where the patches do not explain the patterns; it says where they do without the probe.
    """
    found = compare(_amplitude(truth, probe), measured, one=one)
    if found.is_explained:
        return ()
    told = f"a residual of {found.residual:.3g} (contrast {found.contrast:.2f})"
    bare = compare(_amplitude(truth, np.ones_like(probe)), measured, one=one)
    if not bare.is_explained:
        remedy = "Take Y by the index array of all per-position arrays, or leave it out."
        return (Finding(check, KEY, EXPECTED, told, remedy),)
    told += "; best explained as patches that were already multiplied by the probe"
    remedy = (
        f"Store the object's patches. Residual {found.residual:.3g} as stored, {bare.residual:.3g} so read."
    )
    return (Finding(check, KEY, EXPECTED, told, remedy),)


def _amplitude(truth: np.ndarray, probe: np.ndarray) -> np.ndarray:
    """Return |F(probe * patch)| of every stored patch, (N, H, W) float64."""
    blocks = (truth[start : start + BLOCK] for start in range(0, len(truth), BLOCK))
    return np.concatenate([np.abs(far_field(probe * block)) for block in blocks])
