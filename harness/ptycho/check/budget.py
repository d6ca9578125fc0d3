"""The account in words: findings with their executed remedies, and the table of parts."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from harness.core.domain.interface import Finding
from harness.core.domain.panels import Table
from harness.ptycho.check.search import PARTS
from harness.ptycho.check.trial import residuals_of
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.rules import is_per_position

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from harness.ptycho.check.evidence import Evidence
    from harness.ptycho.check.search import Account
    from harness.ptycho.check.trial import Trial

EXPLAINED = "patterns that probe, object and positions explain, apart from photon noise"
KEYS = {"position": "xcoords, ycoords", "probe": "probeGuess", "object": "objectGuess"}
"""Keys of the arrays that a part corrects; all others correct the diffraction."""

FIELDS = {
    "diffraction": "diffraction", "probeGuess": "probe", "objectGuess": "object",
    "xcoords": "x", "ycoords": "y", "mask": "mask",
}  # fmt: skip
"""Key of the dataset contract -> field of a dataset."""

PARTIAL = 0.2
"""A remedy that leaves more than this share of the excess is partial."""

LEAST_PERCENT = 0.01
TABLE_HEAD = ("part", "accounts for", "by")
TABLE_TITLE = "What photon noise does not explain, and how much of it each part would, fitted alone"
TABLE_NOTE = "{:.2g} of the amplitude in all."
LONGEST_NAME = 72
"""Characters of a name in the table; a finding has it whole."""


def findings(check: str, account: Account) -> tuple[Finding, ...]:
    """Return a finding for each part that is wrong, the largest first."""
    return tuple(_finding(check, trial, account) for trial in account.findings)


def with_remedies(arrays: Mapping[str, np.ndarray], trials: Sequence[Trial]) -> dict[str, np.ndarray]:
    """Return *arrays* with the remedies of all *trials* applied, in their stored dtypes.

    arrays : a dataset under the contract's keys. Arrays that no remedy changes are returned as they are.
    """
    done = dict(arrays)
    for trial in trials:
        before = Dataset.of(done)
        after = trial.correction.apply(before)
        if (kept := trial.correction.kept) is not None:
            done |= {key: array[kept] for key, array in done.items() if is_per_position(key, array)}
        changed = {
            key: value
            for key, name in FIELDS.items()
            if (value := getattr(after, name)) is not getattr(before, name) and value is not None
        }
        done |= {
            key: value.astype(arrays[key].dtype if key in arrays else value.dtype)
            for key, value in changed.items()
        }
    return done


def as_stored(evidence: Evidence) -> str:
    """Return how well the data are explained as stored, in words."""
    found = residuals_of(evidence)
    noise = f", {found.photon:.3g} of it photon noise" if found.photon else ""
    return (
        f"a residual of {found.residual:.3g} as stored{noise}, and {found.permuted:.3g} shuffled "
        f"(contrast {found.contrast:.2f})"
    )


def tables(account: Account) -> tuple[Table, ...]:
    """Return the table of parts, if the dataset has an excess or a finding."""
    evidence = account.evidence
    if evidence is None or not (account.findings or evidence.has_excess):
        return ()
    rows = tuple(_row(part.name, account) for part in PARTS)
    return (Table(TABLE_TITLE, TABLE_HEAD, rows, TABLE_NOTE.format(max(evidence.fit.excess, 0.0) ** 0.5)),)


def _row(part: str, account: Account) -> tuple[str, str, str]:
    trial = account.best.get(part)
    finding = next((one for one in account.findings if one.correction.part == part), None)
    if finding is None and (trial is None or trial.share <= 0):
        return part, "-", ""
    alone = trial if trial is not None and trial.share > 0 else None
    share = "on top" if alone is None else _percent(alone.share)
    correction = (finding or account.best[part]).correction
    name = textwrap.shorten(correction.name, LONGEST_NAME, placeholder=" ...")
    return part, share, f"{name} (a finding)" if finding else name


def _finding(check: str, trial: Trial, account: Account) -> Finding:
    correction = trial.correction
    before = "not computable" if trial.before is None else f"{trial.before.residual:.3g}"
    after = f"{trial.after.residual:.3g} after correction"
    noise = f", of which photon noise is {trial.after.floor:.3g}" if trial.after.floor else ""
    return Finding(
        check=check,
        key=KEYS.get(correction.part, "diffraction"),
        expected=EXPLAINED,
        found="; ".join((f"{_stored(trial, account)}, {_explained_by(trial)}", *map(str, correction.sizes))),
        remedy=f"{correction.remedy} Residual: {before} as stored, {after}{noise}.{_partial(trial)}",
    )


def _stored(trial: Trial, account: Account) -> str:
    if account.evidence is None:
        return "data that do not fit together"
    if trial is not account.findings[0]:
        return "with the above corrected, an excess that is left"
    return as_stored(account.evidence)


def _explained_by(trial: Trial) -> str:
    if trial.share >= 1 - PARTIAL:
        return f"best explained by {trial.correction.name}"
    return f"explained in part ({_share(trial)} of the excess) by {trial.correction.name}"


def _partial(trial: Trial) -> str:
    left = 1 - trial.share
    return f" This is a partial remedy: {_percent(left)} of the excess is left." if left > PARTIAL else ""


def _share(trial: Trial) -> str:
    return _percent(trial.share)


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= LEAST_PERCENT else "less than 1%"
