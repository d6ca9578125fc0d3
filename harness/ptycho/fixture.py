"""Generators: make a fixture of a scan, or refuse it before anything is written.

The steps are the same for simulated and measured scans: scale the amplitudes into the contract's range, round
once to its dtypes, require contract and physics, and describe the result in a manifest.
"""

from __future__ import annotations

import re
from pathlib import Path  # noqa: TC003 - a generator's annotations are read at run time
from typing import TYPE_CHECKING

from harness.core.errors import RefusedError
from harness.core.fixtures.fixture import Fixture, make_fixture
from harness.core.fixtures.manifest import Generator
from harness.ptycho.check.consistency import require_explained
from harness.ptycho.files.library import Options, read_scan
from harness.ptycho.scan import resample
from harness.ptycho.scan.contract import require_contract
from harness.ptycho.scan.contract_form import contract_form
from harness.ptycho.scan.select import coverage, groups, stratified
from harness.ptycho.scan.simulate import BEAM, beam_parameter, simulate

if TYPE_CHECKING:
    from harness.ptycho.scan.scan import Scan

VERSION = 1
POSITIONS = 64
"""Positions of a fixture unless another number is asked for."""

LEAST_COVERAGE = 0.5
"""Share of the source's x range and y range that a fixture's positions must exceed."""

DIGITS = 3
"""Significant digits of a manifest's checks: the last bits of a residual differ between machines."""


def minimal(  # noqa: PLR0913 - the parameters of an experiment
    *,
    positions: int = 64,
    detector: int = 64,
    step: float = 12.0,
    photons: float | None = 1e6,
    jitter: float = 0.2,
    seed: int = 0,
    beam: float = BEAM,
    name: str = "minimal_v1",
) -> Fixture:
    """Return a small fixture from a simulated scan; its object and probe are the ground truth.

    Parameters
    ----------
    positions, detector, step, photons, jitter, seed, beam
        As for :func:`harness.ptycho.scan.simulate.simulate`.
    name : str
        The fixture's name; it is not one of the recorded parameters.

    Raises
    ------
    ContractError, ConsistencyError
        The fixture breaks the contract, or its own physics does not explain it.
    UsageError
        A parameter is out of range.

    Examples
    --------
    >>> fixture = minimal(positions=16)
    >>> fixture.arrays["diffraction"].shape, str(fixture.arrays["diffraction"].dtype)
    ((16, 64, 64), 'float32')
    """
    parameters = {
        "positions": positions,
        "detector": detector,
        "step": step,
        "photons": photons,
        "jitter": jitter,
        "seed": seed,
        **beam_parameter(beam),
    }
    scan = simulate(
        positions=positions, detector=detector, step=step, photons=photons,
        jitter=jitter, seed=seed, beam=beam,
    )  # fmt: skip
    return _accepted(name, scan, _coverage(scan, scan), Generator(f"{__name__}:minimal", VERSION, parameters))


def from_scan(  # noqa: PLR0913 - what a user may ask of a source
    *,
    source: Path,
    positions: int | None = None,
    axes: str | None = None,
    crop: int = 1,
    bin: int = 1,  # noqa: A002 - the word that the field and the command line use
    step: float | None = None,
    rotation: float | None = None,
    reduce: tuple[str, ...] = (),
    name: str | None = None,
) -> Fixture:
    """Return a fixture from a scan in a file: positions spread over its area, selected by one index array.

    Parameters
    ----------
    source : path
        A scan in any format of :mod:`harness.ptycho.files`. Its name, not its folder, is recorded.
    positions : int, optional
        How many positions to select; by default 64, or all if there are fewer.
    axes : {"nhw", "hwn"}, optional
        Order of the diffraction's axes, if the data cannot decide it.
    crop, bin : int
        Detector crop and bin factors; see :mod:`harness.ptycho.scan.resample`.
    step, rotation : float, optional
        Of a 4-D datacube, which has no positions: the scan's step in object pixels, and the angle in degrees
        from the object's columns to the scan's.
    reduce : tuple of {"modes", "layers", "mask"}
        Of which of them one is made, if the file has several.
    name : str, optional
        The fixture's name; by default the file's name with the number of positions.

    Raises
    ------
    HarnessError
        The file is unreadable or not a scan, a parameter is out of range, or the fixture is not acceptable.
    """
    options = Options(axes=axes, step=step, rotation=rotation, reduce=reduce)
    whole = read_scan(source, options)
    count = min(POSITIONS, whole.positions) if positions is None else positions
    index = stratified(whole.x, whole.y, count)
    taken = whole.take(index, note=f"positions: {count} of {whole.positions}, stratified in space")
    parameters = {"source": whole.name, "positions": count, "axes": axes, "crop": crop, "bin": bin}
    more = {"step": step, "rotation": rotation, "reduce": reduce}
    parameters |= {key: value for key, value in more.items() if value not in (None, ())}
    generator = Generator(f"{__name__}:from_scan", VERSION, parameters)
    made = resample.bin_detector(resample.crop(taken, crop), bin)
    return _accepted(name or _default_name(source, count), made, _coverage(taken, whole), generator)


def _accepted(name: str, scan: Scan, checks: dict[str, float], generator: Generator) -> Fixture:
    """Return the fixture of *scan*, scaled and rounded, if contract, coverage and physics allow it."""
    arrays, notes = contract_form(scan.arrays())
    thing = f"{name}, made from {scan.source.name}"
    require_contract(thing, arrays)
    _require_coverage(thing, checks)
    report = require_explained(thing, arrays)
    checks |= {
        "groups": len(groups(arrays["xcoords"], arrays["ycoords"])),
        "forward_residual": report.measures["forward_residual"],
    }
    return make_fixture(
        name,
        arrays,
        generator=generator,
        source=scan.source,
        transformations=(*scan.transformations, *notes),
        checks={key: _significant(value) for key, value in checks.items()},
    )


def _coverage(taken: Scan, whole: Scan) -> dict[str, float]:
    return {"coverage_x": coverage(taken.x, whole.x), "coverage_y": coverage(taken.y, whole.y)}


def _require_coverage(thing: str, checks: dict[str, float]) -> None:
    for key in ("coverage_x", "coverage_y"):
        if checks[key] <= LEAST_COVERAGE:
            raise RefusedError(
                f"{thing}: {key}",
                expected=f"positions that span more than {LEAST_COVERAGE:.0%} of the source's range",
                found=f"{checks[key]:.1%}",
                remedy="Select more positions.",
            )


def _default_name(source: Path, positions: int) -> str:
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", source.stem).strip("_-") or "scan"
    return f"{stem}_{positions}"


def _significant(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
