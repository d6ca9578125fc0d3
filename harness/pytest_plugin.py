"""The plugin under its name in the package, for ``pytest -p harness.pytest_plugin``.

It is declared in the module ``golden_harness_pytest``, which pytest loads by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import golden_harness_pytest

if TYPE_CHECKING:
    import pytest

_NAME = "harness"  # of the entry point


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the plugin, unless it is registered already."""
    if not pluginmanager.is_registered(golden_harness_pytest):
        name = _NAME if pluginmanager.get_plugin(_NAME) is None else golden_harness_pytest.__name__
        pluginmanager.register(golden_harness_pytest, name)
