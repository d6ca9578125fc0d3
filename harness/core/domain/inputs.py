"""What a pipeline read: the digests of its inputs, against those of the fixture that it was given.

Metrics are blind to small losses on the way: data rounded to half precision, positions to whole pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.core.fixtures.manifest import Manifest


def misread(manifest: Manifest, inputs: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """Tell which arrays went into a computation otherwise than the fixture's *manifest* has them.

    Parameters
    ----------
    manifest : Manifest
    inputs : mapping of str to mapping
        Of a :class:`~harness.core.domain.interface.PipelineResult`: stage, array, digest.

    Returns
    -------
    tuple of str
        One line for each stage and array; none where all is well.
    """
    expected = {name: spec.digest for name, spec in manifest.arrays.items()}
    return tuple(
        f"{stage} read {name}: expected {expected.get(name, 'no such array')}, found {digest}"
        for stage, arrays in inputs.items()
        for name, digest in arrays.items()
        if expected.get(name) != digest
    )
