"""Each engine's name, extra and adapter belong together."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from harness.core.domain.references import load_reference
from harness.core.errors import DependencyError
from harness.ptycho.domain import DOMAIN
from harness.ptycho.engines.packages.engine import PackageEngine
from harness.ptycho.engines.packages.settings import EngineSettings
from harness.ptycho.pipeline.configuration import make_configuration

NAMES = ("cdtools", "ptychi-lsqml", "ptychi-rpie", "ptychi-bh")


@pytest.mark.parametrize("name", NAMES)
def test_the_domain_has_each_engine_under_its_own_name(name):
    run = load_reference(DOMAIN.pipelines[name])

    assert isinstance(run.engine, PackageEngine)
    assert run.engine.name == name
    assert issubclass(load_reference(run.engine.adapter), EngineSettings)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_package_is_named_with_its_extra(name, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with pytest.raises(DependencyError, match=rf"golden-harness\[ptycho,{name.split('-')[0]}\]"):
        load_reference(DOMAIN.pipelines[name]).require()


@pytest.mark.parametrize("name", NAMES)
def test_options_may_be_given_by_name(name):
    adapter = load_reference(load_reference(DOMAIN.pipelines[name]).engine.adapter)

    assert make_configuration(adapter, {"epochs": 3, "seconds": 1.5}).seconds == 1.5


def test_adapters_import_neither_torch_nor_their_package():
    for name in NAMES:
        load_reference(load_reference(DOMAIN.pipelines[name]).engine.adapter)

    assert "cdtools" not in sys.modules
    assert "ptychi" not in sys.modules
