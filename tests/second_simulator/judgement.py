"""What the package's checks say of a faulty scan, judged by the second simulator's own physics."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np

from harness.ptycho.check import consistency
from harness.ptycho.scan import contract
from second_simulator.physics import intensities
from second_simulator.sound import Arrays, Variant, make_scan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.domain.interface import Finding
    from harness.ptycho.check.search import Account
    from harness.ptycho.scan.residual import Dataset
    from second_simulator.faults import ScanFault

BASES = (
    Variant("voronoi", "jittered", (48, 48), 36),
    Variant("spokes", "fermat", (64, 64), 49),
    Variant("strong_phase", "snake", (48, 48), 64, overlap=0.65),
    Variant("voronoi", "raster", (64, 64), 64),
    Variant("spokes", "jittered", (48, 64), 64),
    Variant("weak_phase", "fermat", (64, 64), 49),
)
"""Kinds of scans that faults are injected into, one for each seed in turn."""

LEAST_EVIDENCE = 40.0
"""Twice the logarithm of the likelihood ratio that a fault must leave in the data to be seen.

A single free number exceeds it by chance in fewer than one of 10^9 scans, and 36 free positions with two
coordinates each gain 72 with a standard deviation of 12 by chance: a fault of less evidence drowns in them.
"""

MOST_AFTER = 2.0
"""Residual energy after a remedy, in that of the sound twin: the excess is at most the noise."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was said of one faulty scan.

    Attributes
    ----------
    fault, part : str
    photons : float
    seed : int
    evidence : float
        Twice the logarithm of the likelihood ratio between the faulty and the right model: how visible it is.
    refused : bool
        Whether a check has a finding.
    named : bool
        Whether a finding names the fault.
    after : float
        Residual energy after the executed remedy, in units of the sound twin's; NaN if none was executed.
    said : str
        The finding, in short.
    """

    fault: str
    part: str
    photons: float
    seed: int
    evidence: float
    refused: bool
    named: bool
    after: float
    said: str

    @property
    def mended(self) -> bool:
        """Whether the executed remedy brings the residual near the noise."""
        return self.after <= MOST_AFTER


def judge(fault: ScanFault, photons: float, seed: int, base: Variant | None = None) -> Outcome:
    """Inject *fault* into the scan of *seed* at a dose, and return what the checks say of it.

    The scan is of the kind *base*, or of the one whose turn it is, with what the fault needs.
    """
    variant = fault.variant(base or BASES[seed % len(BASES)])
    sound = make_scan(replace(variant, photons=photons), seed)
    faulty = fault.of(sound, seed)
    with remembered_account():
        findings = (*contract.check(faulty).findings, *consistency.check(faulty).findings)
        mended, remedies = consistency.corrected(faulty)
    said = "; ".join(named_by(finding) or "cause unknown" for finding in findings)
    floor = residual_energy(sound)
    return Outcome(
        fault=fault.label,
        part=fault.part,
        photons=photons,
        seed=seed,
        evidence=_evidence(fault, faulty, photons, floor),
        refused=bool(findings),
        named=re.search(fault.says, said, re.IGNORECASE) is not None,
        after=residual_energy(mended) / floor if remedies else np.nan,
        said=said,
    )


def _evidence(fault: ScanFault, faulty: Arrays, photons: float, floor: float) -> float:
    """Return how visible the fault is; each amplitude has the variance of a quarter of a photon."""
    if fault.part == "contract":
        return np.inf
    light = photons * fault.light
    return 4 * light * len(faulty["xcoords"]) * (residual_energy(faulty) - floor / fault.light)


@contextmanager
def remembered_account() -> Iterator[None]:
    """Let the checks of one dataset share the account of its excess, which takes nearly all of their time."""
    account = consistency.account_for
    known: list[Account] = []

    def remembered(stored: Dataset) -> Account:
        known.extend([] if known else [account(stored)])
        return known[0]

    with mock.patch.object(consistency, "account_for", remembered):
        yield


def named_by(finding: Finding) -> str:
    """Return what a finding calls the fault; nothing if it only says that the data are not explained."""
    if finding.check != consistency.CHECK:
        return finding.found
    names = re.search(r"(?:best explained|explained in part \(.*?\)) by (.*)", finding.found)
    return names[1] if names else ""


def residual_energy(arrays: Arrays) -> float:
    """Return the energy that exact physics does not explain, as a share of the data's; pixels may be masked.

    One scale is fitted. Patterns outside the object, or of another shape, are not explained at all: 1.
    """
    try:
        amplitudes = arrays["diffraction"].astype(np.float64)
        predicted = np.sqrt(_light(arrays))
    except (KeyError, ValueError, IndexError):
        return 1.0
    if predicted.shape != amplitudes.shape or not np.isfinite(amplitudes).all():
        return 1.0
    counts = np.broadcast_to(arrays.get("mask", np.True_), amplitudes.shape)
    amplitudes, predicted = amplitudes[counts], predicted[counts]
    match = np.vdot(predicted, amplitudes) ** 2 / max(np.vdot(predicted, predicted), 1e-300)
    return float(max(0.0, 1 - match / max(np.vdot(amplitudes, amplitudes), 1e-300)))


def _light(arrays: Arrays) -> np.ndarray:
    probe, obj = arrays["probeGuess"].astype(np.complex128), arrays["objectGuess"].astype(np.complex128)
    return intensities(probe[None], obj, arrays["xcoords"], arrays["ycoords"])
