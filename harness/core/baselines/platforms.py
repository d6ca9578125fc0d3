"""On which kind of machine, and with which libraries, something was measured."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

_LIBRARIES = ("numpy", "scipy", "torch")
_VARIABLES = str.isupper
"""Names of environment variables are in capitals, those of packages are not."""


class Platform(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What changes the last bits of a result: system, processor and libraries.

    Attributes
    ----------
    system, machine : str
        Such as ``Linux`` and ``x86_64``.
    cpu : str
        The widest vector instructions of the processor, or its architecture if not known.
    libraries : dict of str to str
        Versions of the numerical libraries that are installed.

    Examples
    --------
    >>> print(platform_of({"platform": "Linux x86_64", "cpu": "avx2", "numpy": "2.3.1", "torch": "none"}))
    Linux x86_64 avx2, numpy 2.3.1
    """

    system: str
    machine: str
    cpu: str
    libraries: dict[str, str]

    def __str__(self) -> str:
        """Return it on one line."""
        words = [self.system, self.machine, *([self.cpu] if self.cpu != self.machine else [])]
        return ", ".join(
            [" ".join(words), *(f"{name} {version}" for name, version in self.libraries.items())]
        )

    @property
    def digest(self) -> str:
        """Digest ``sha256:...`` of what it says: the key of its row."""
        return f"sha256:{hashlib.sha256(msgspec.json.encode(self, order='sorted')).hexdigest()}"


def platform_of(environment: Mapping[str, str]) -> Platform:
    """Return the platform of an environment's fingerprint."""
    system, _, machine = environment.get("platform", "unknown").partition(" ")
    versions = {name: environment[name] for name in _LIBRARIES if environment.get(name, "none") != "none"}
    return Platform(system, machine, environment.get("cpu", machine), versions)


def variables_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of numerical kernels in an environment's fingerprint.

    >>> variables_of({"numpy": "2.3.1", "OMP_NUM_THREADS": "2"})
    {'OMP_NUM_THREADS': '2'}
    """
    return {name: value for name, value in sorted(environment.items()) if _VARIABLES(name)}
