"""Golden files that scientists can trust.

``Fixture``, ``Manifest``, ``Registry``, ``compare``, ``digest_array`` and ``verify`` are imported when they
are first used: importing this package imports neither numpy nor torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.core.errors import HarnessError
    from harness.core.fixtures.compare import compare
    from harness.core.fixtures.fixture import Fixture, make_fixture, read_fixture, write_fixture
    from harness.core.fixtures.manifest import Generator, Manifest, Source
    from harness.core.registry.registry import Registry
    from harness.core.registry.verify import verify
    from harness.core.storage.digest import digest_array

_HOME = {
    "Fixture": "fixtures.fixture",
    "Generator": "fixtures.manifest",
    "HarnessError": "errors",
    "Manifest": "fixtures.manifest",
    "Registry": "registry.registry",
    "Source": "fixtures.manifest",
    "compare": "fixtures.compare",
    "digest_array": "storage.digest",
    "make_fixture": "fixtures.fixture",
    "read_fixture": "fixtures.fixture",
    "verify": "registry.verify",
    "write_fixture": "fixtures.fixture",
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
