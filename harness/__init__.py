"""Golden files that scientists can trust.

This module is the public API. Everything that it does not export is internal and may change without notice.

Fixtures, which are named arrays with a manifest:
    ``Fixture``, ``make_fixture``, ``write_fixture`` and ``read_fixture`` hold, make, write and read them;
    ``Manifest``, ``Generator`` and ``Source`` say how they were made. ``compare`` and ``Tolerance`` find what
    two of them differ in; ``digest_array`` and ``digest_file`` compute their digests.
Golden files of a repository:
    ``find_project`` returns a ``Project``. ``read_registry`` reads its ``Registry``, and ``verify`` compares
    the registry with the files and returns one ``Verdict``, with an ``Outcome``, per file.
A domain, which is what a field of science adds:
    ``Domain`` lists generators, pipelines and checks. A pipeline returns a ``PipelineResult`` with its
    ``Stage`` times; a check returns a ``CheckReport`` with any ``Finding``. ``Fault`` (a known bug to
    inject) and ``Specimen`` (valid data) are for ``harness sensitivity``. ``Image``, ``Lines``, ``Points``
    and ``Table`` describe the domain's figures on the page of ``harness report``.
Errors:
    All are a ``HarnessError``. Each has ``thing``, ``expected``, ``found`` and ``remedy``.

Names are imported when they are first used: ``import harness`` imports neither numpy nor torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.core.domain.interface import (
        CheckReport,
        Domain,
        Fault,
        Finding,
        PipelineResult,
        Specimen,
        Stage,
    )
    from harness.core.domain.panels import Image, Lines, Points, Table
    from harness.core.errors import (
        DegenerateError,
        DependencyError,
        GoldenMissingError,
        HarnessError,
        LockedError,
        NondeterministicError,
        NotImportableError,
        OvertimeError,
        RefusedError,
        RemakeError,
        SourceMissingError,
        StaleFormatError,
        UnreadableError,
        UnwritableError,
        UsageError,
    )
    from harness.core.fixtures.compare import compare
    from harness.core.fixtures.fixture import Fixture, make_fixture, read_fixture, write_fixture
    from harness.core.fixtures.manifest import Generator, Manifest, Source
    from harness.core.fixtures.tolerance import Tolerance
    from harness.core.registry.format import Registry
    from harness.core.registry.registry import read_registry
    from harness.core.registry.verify import verify
    from harness.core.storage.digest import digest_array, digest_file
    from harness.core.storage.project import Project, find_project
    from harness.core.verdict import Outcome, Verdict

_MODULES = {
    "domain.interface": (
        *("CheckReport", "Domain", "Fault", "Finding", "PipelineResult", "Specimen", "Stage"),
    ),
    "domain.panels": ("Image", "Lines", "Points", "Table"),
    "errors": (
        *("DegenerateError", "DependencyError", "GoldenMissingError", "HarnessError", "LockedError"),
        *("NondeterministicError", "NotImportableError", "OvertimeError", "RefusedError", "RemakeError"),
        *("SourceMissingError", "StaleFormatError", "UnreadableError", "UnwritableError", "UsageError"),
    ),
    "fixtures.compare": ("compare",),
    "fixtures.fixture": ("Fixture", "make_fixture", "read_fixture", "write_fixture"),
    "fixtures.manifest": ("Generator", "Manifest", "Source"),
    "fixtures.tolerance": ("Tolerance",),
    "registry.format": ("Registry",),
    "registry.registry": ("read_registry",),
    "registry.verify": ("verify",),
    "storage.digest": ("digest_array", "digest_file"),
    "storage.project": ("Project", "find_project"),
    "verdict": ("Outcome", "Verdict"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "CheckReport",
    "DegenerateError",
    "DependencyError",
    "Domain",
    "Fault",
    "Finding",
    "Fixture",
    "Generator",
    "GoldenMissingError",
    "HarnessError",
    "Image",
    "Lines",
    "LockedError",
    "Manifest",
    "NondeterministicError",
    "NotImportableError",
    "Outcome",
    "OvertimeError",
    "PipelineResult",
    "Points",
    "Project",
    "RefusedError",
    "Registry",
    "RemakeError",
    "Source",
    "SourceMissingError",
    "Specimen",
    "Stage",
    "StaleFormatError",
    "Table",
    "Tolerance",
    "UnreadableError",
    "UnwritableError",
    "UsageError",
    "Verdict",
    "compare",
    "digest_array",
    "digest_file",
    "find_project",
    "make_fixture",
    "read_fixture",
    "read_registry",
    "verify",
    "write_fixture",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    return getattr(importlib.import_module(f"harness.core.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
