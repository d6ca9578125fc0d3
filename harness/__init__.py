"""Golden files that scientists can trust.

``Fixture``, ``Manifest``, ``Registry``, ``compare``, ``digest_array`` and ``verify`` are imported when they
are first used: importing this package imports neither numpy nor torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.core.compare import compare
    from harness.core.digest import digest_array
    from harness.core.errors import HarnessError
    from harness.core.fixture import Fixture, make_fixture, read_fixture, write_fixture
    from harness.core.manifest import Generator, Manifest, Source
    from harness.core.registry import Registry
    from harness.core.verify import verify

_HOME = {
    "Fixture": "fixture",
    "Generator": "manifest",
    "HarnessError": "errors",
    "Manifest": "manifest",
    "Registry": "registry",
    "Source": "manifest",
    "compare": "compare",
    "digest_array": "digest",
    "make_fixture": "fixture",
    "read_fixture": "fixture",
    "verify": "verify",
    "write_fixture": "fixture",
}

__all__ = [
    "Fixture",
    "Generator",
    "HarnessError",
    "Manifest",
    "Registry",
    "Source",
    "compare",
    "digest_array",
    "make_fixture",
    "read_fixture",
    "verify",
    "write_fixture",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    return getattr(importlib.import_module(f"harness.core.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
