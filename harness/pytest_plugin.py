"""The plugin under its name in the package, for ``pytest -p harness.pytest_plugin``.

It is declared in the module ``golden_harness_pytest``, which pytest loads by itself.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    import pytest

_NAME = "harness"  # of the entry point
_MODULE = "golden_harness_pytest"


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the plugin, unless it is."""
    plugin = _declaration()
    if not pluginmanager.is_registered(plugin):
        pluginmanager.register(plugin, _NAME if pluginmanager.get_plugin(_NAME) is None else _MODULE)


def _declaration() -> ModuleType:
    """Import the module beside this package, which an installation of an older version does not know."""
    try:
        return importlib.import_module(_MODULE)
    except ModuleNotFoundError:
        sys.path.append(str(Path(__file__).parent.parent))
        try:
            return importlib.import_module(_MODULE)
        finally:
            sys.path.pop()
