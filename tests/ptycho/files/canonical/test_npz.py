"""Canonical .npz files keep the contract of formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from canonical_harms import harmed
from contract import FormatContract

from harness.ptycho.files.canonical.npz import FORMAT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class TestNpz(FormatContract):
    """Arrays as they are; no lengths."""

    format = FORMAT
    reference = "harness.ptycho.files.canonical.npz:FORMAT"

    def harms(self, path: Path, folder: Path) -> Iterator[Path]:
        arrays = dict(np.load(path))
        for name, changed in harmed(arrays).items():
            target = folder / f"{name}.npz"
            np.savez(target, **changed)
            yield target
